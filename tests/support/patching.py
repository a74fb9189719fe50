"""Apply a compatibility patch in a test, and see that closing its journal leaves nothing behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.context import Context
from support.snapshot import Snapshot
from zplus_plugins.system.device import Device
from zplus_plugins.upstreams import Journal, Patch
from zplus_plugins.upstreams.adapter.context import Options


@contextmanager
def applied(*patches: Patch, choice: str = "cpu", **options: Any) -> Iterator[Context]:
    """Patch, use, unpatch, and see that nothing is different; yields the run."""
    before = Snapshot()
    run = Context(Options(**options), options.get("latent") or "zplus", Device(choice))
    with Journal() as journal:
        for patch in patches:
            patch.install(journal, run)
        yield run
    assert before.differences(Snapshot()) == []


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Import from these folders of a checkout; what came from them is forgotten afterwards."""
    before, path = set(sys.modules), list(sys.path)
    sys.path[:0] = map(str, folders)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and any(Path(file).is_relative_to(folder) for folder in folders):
                del sys.modules[name]


def upstream_or_standin(kind: str, standin: str, upstream: str) -> Path:
    """A folder of a stand-in, relative to tests/standins, or of a real checkout, relative to ZPLUS_UPSTREAMS."""
    if kind == "standin":
        return Path(__file__).resolve().parents[1] / "standins" / standin
    return Path(os.environ["ZPLUS_UPSTREAMS"]).resolve() / upstream
