"""The Python module ``wget``, which is rarely installed, and leaves a partial file after a failed download."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import torch

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.patching.stand_ins import provide


def download(url: str, out: str | os.PathLike[str] | None = None, bar: Any = None) -> str:
    """Download a file atomically; replaces ``wget.download``.

    Args:
        url: URL of the file.
        out: file or existing folder to save it to; the current folder by default.
        bar: ignored; torch shows its own progress bar.

    Returns:
        The path of the file.
    """
    target = Path(out or ".")
    if target.is_dir():
        target /= unquote(Path(urlsplit(url).path).name) or "download.wget"
    # Looked up at each call, because the patch for downloads replaces it.
    torch.hub.download_url_to_file(url, str(target))
    return str(target)


def _install(journal: Journal, run: RunContext) -> None:
    provide(journal, "wget")
    journal.when_imported("wget", lambda module: journal.set(module, "download", download))


PATCH = Patch(
    name="wget module",
    problem="`import wget` fails, or a failed `wget.download` leaves a stub",
    install=_install,
    provides=("wget",),
)
