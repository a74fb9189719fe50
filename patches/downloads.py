"""Failed downloads leave no partial file behind, and the error says which file to put where.

Upstream scripts call ``wget`` and ignore its exit status; after a failure they use the empty file as the
checkpoint in every later run. The backbone of LPIPS is downloaded by ``torch.hub``, and NVlabs' metrics
by ``dnnlib``. With ``--offline`` no download is attempted.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from zplus_plugins.errors import DownloadError
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.requirements.files import dnnlib_file


def _install(journal: Journal, run: RunContext) -> None:
    offline = run.options.offline
    journal.wrap(subprocess, "call", functools.partial(_calling_wget, offline))
    journal.wrap(torch.hub, "download_url_to_file", functools.partial(_downloading, offline))
    journal.wrap(urllib.request, "urlretrieve", functools.partial(_retrieving, offline))
    journal.wrap_when_imported("dnnlib.util:open_url", _opening)


def _calling_wget(offline: bool, call: Callable[..., int]) -> Callable[..., int]:
    def call_checked(command: Any, *args: Any, **kwargs: Any) -> int:
        if not (isinstance(command, list | tuple) and command and Path(str(command[0])).name == "wget"):
            return call(command, *args, **kwargs)
        url, target = str(command[-1]), _wget_target(command)
        with _whole(url, target, offline):
            try:
                status = call([*command[:1], "--tries=2", "--timeout=30", *command[1:]], *args, **kwargs)
            except FileNotFoundError:
                raise RuntimeError("the program wget is not installed") from None
            if status != 0 or (target is not None and not _has_content(target)):
                raise RuntimeError(f"wget ended with status {status}")
        return status

    return call_checked


def _downloading(offline: bool, download: Callable[..., None]) -> Callable[..., None]:
    def download_checked(url: str, dst: str, *args: Any, **kwargs: Any) -> None:
        # torch writes to a temporary file, and renames it when it is complete.
        with _whole(url, Path(dst), offline, leaves_stub=False):
            download(url, dst, *args, **kwargs)

    return download_checked


def _retrieving(offline: bool, retrieve: Callable[..., Any]) -> Callable[..., Any]:
    def retrieve_checked(url: str, filename: Any = None, *args: Any, **kwargs: Any) -> Any:
        with _whole(url, Path(filename) if filename else None, offline):
            return retrieve(url, filename, *args, **kwargs)

    return retrieve_checked


def _opening(open_url: Callable[..., Any]) -> Callable[..., Any]:
    def open_checked(url: str, *args: Any, **kwargs: Any) -> Any:
        if "://" not in str(url) or str(url).startswith("file:"):
            return open_url(url, *args, **kwargs)
        # The file may be in its cache, so --offline only forbids the connection.
        with _whole(url, dnnlib_file(url), forbidden=False, leaves_stub=False):
            return open_url(url, *args, **kwargs)

    return open_checked


@contextlib.contextmanager
def _whole(url: str, target: Path | None, forbidden: bool, leaves_stub: bool = True) -> Iterator[None]:
    """If the download fails, name the URL and the target in the error, and remove a partial target."""
    if forbidden:
        raise DownloadError(_advice(url, target, "--offline forbids it"))
    try:
        yield
    except BaseException as error:  # also Ctrl-C
        if leaves_stub and target is not None:
            target.unlink(missing_ok=True)
        if isinstance(error, OSError | RuntimeError | DownloadError):
            raise DownloadError(_advice(url, target, str(error).rstrip("."))) from None
        raise


def _wget_target(command: Sequence[str]) -> Path | None:
    for flag in ("-O", "--output-document"):
        if flag in command:
            return Path(os.fspath(command[list(command).index(flag) + 1]))
    return None


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _advice(url: str, target: Path | None, reason: str) -> str:
    where = f" and save it as {target.absolute()}" if target is not None else ""
    return f"The download of {url} failed: {reason}. Download it with a browser{where}."


PATCH = Patch(
    name="downloads",
    problem="a failed download leaves an empty checkpoint, and `EOFError` from then on",
    install=_install,
)
