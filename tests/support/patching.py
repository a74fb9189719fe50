"""Apply a compatibility patch in a test, and see that closing its journal leaves nothing behind."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image
from torch import nn

from zplus_plugins import Journal, Patch
from zplus_plugins.device import Device
from zplus_plugins.outputs import Outputs
from zplus_plugins.run import Options

OWNERS: tuple[Any, ...] = (
    torch,
    torch.Tensor,
    nn.Module,
    torch.hub,
    subprocess,
    socket,
    urllib.request,
    argparse,
    Image,
)
CACHES = ("_opener",)  # of urllib.request, made at its first use


@contextmanager
def applied(*patches: Patch, choice: str = "cpu", **options: Any) -> Iterator[Any]:
    """Patch, use, unpatch, and see that nothing is different; yields the run."""
    before = _state()
    run: Any = SimpleNamespace(device=Device(choice), options=Options(**options), outputs=Outputs())
    with Journal() as journal:
        for patch in patches:
            patch.install(journal, run)
        yield run
    assert _state() == before


def _state() -> list[Any]:
    """What patches may change: attributes, import hooks, allow-lists, and modules that stand for others."""
    standing_in = {
        name: module
        for name, module in sys.modules.items()
        if getattr(module, "__spec__", None) is None and not name.startswith("_cython")  # Cython's own, made at need
    }
    return [
        *({name: value for name, value in vars(owner).items() if name not in CACHES} for owner in OWNERS),
        list(sys.meta_path),
        set(torch.serialization.get_safe_globals()),
        standing_in,
    ]


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
