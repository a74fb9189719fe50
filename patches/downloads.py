"""Downloads that fail leave no stub behind, and say what to put where.

Upstream scripts call ``wget`` and ignore its exit status; the empty file that a failure leaves is
taken for the checkpoint ever after. LPIPS's backbone comes through ``torch.hub``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from zplus_plugins.adapter import Patch
from zplus_plugins.errors import DownloadError
from zplus_plugins.journal import Journal
from zplus_plugins.run import Run


def _install(journal: Journal, run: Run) -> None:
    journal.wrap(subprocess, "call", _calling)
    journal.wrap(torch.hub, "download_url_to_file", _downloading)


def _calling(call: Callable[..., int]) -> Callable[..., int]:
    def call_checked(command: Any, *args: Any, **kwargs: Any) -> int:
        if not (isinstance(command, list | tuple) and command and Path(str(command[0])).name == "wget"):
            return call(command, *args, **kwargs)
        url, target = str(command[-1]), _target(command)
        try:
            status = call([*command[:1], "--tries=2", "--timeout=30", *command[1:]], *args, **kwargs)
        except FileNotFoundError:
            raise DownloadError(_advice(url, target, "the program wget is not installed")) from None
        except BaseException:
            _remove(target)  # Ctrl-C while wget was writing
            raise
        if status != 0 or (target is not None and not _has_content(target)):
            _remove(target)
            raise DownloadError(_advice(url, target, f"wget ended with status {status}"))
        return status

    return call_checked


def _downloading(download: Callable[..., None]) -> Callable[..., None]:
    def download_checked(url: str, dst: str, *args: Any, **kwargs: Any) -> None:
        try:
            download(url, dst, *args, **kwargs)
        except (OSError, RuntimeError) as error:
            raise DownloadError(_advice(url, Path(dst), str(error))) from None

    return download_checked


def _target(command: Sequence[str]) -> Path | None:
    for flag in ("-O", "--output-document"):
        if flag in command:
            return Path(os.fspath(command[list(command).index(flag) + 1]))
    return None


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _remove(target: Path | None) -> None:
    if target is not None:
        target.unlink(missing_ok=True)


def _advice(url: str, target: Path | None, reason: str) -> str:
    where = f" and save it as {target.absolute()}" if target is not None else ""
    return f"The download of {url} failed: {reason}. Download it with a browser{where}."


PATCH = Patch(
    name="downloads",
    ailment="a failed `wget` leaves an empty checkpoint, and `EOFError` ever after",
    install=_install,
)
