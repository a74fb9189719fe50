"""A picture's file: what can be told of it before its pixels are decoded, and the levels that it keeps of them."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor


class UnfitError(Exception):
    """A picture cannot be used; the message is the end of a sentence."""


def require_file(path: str) -> None:
    """Raise UnfitError unless the path is a file with something in it; nothing is opened, so a pipe cannot block."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path would drop a final slash, which the script does not
    except FileNotFoundError:
        if Path(path).is_symlink():
            raise UnfitError(f"{path} is a link to {Path(path).readlink()}, which is not there.") from None
        raise UnfitError(f"there is no picture {path} (looked in {Path.cwd()}).") from None
    except (OSError, ValueError) as error:
        raise UnfitError(f"{path!r} cannot be read: {reason(error)}.") from None
    if stat.S_ISDIR(status.st_mode):
        raise UnfitError(f"{path} is a folder, not a picture.")
    if not stat.S_ISREG(status.st_mode):
        raise UnfitError(f"{path} is a pipe or device, not a file.")
    if not status.st_size:
        raise UnfitError(f"{path} is empty (0 bytes).")


def picture_size(path: str) -> tuple[int, int] | None:
    """Width and height by the file's header; None if Pillow does not know its format."""
    try:
        with quiet(), Image.open(path) as image:
            width, height = image.size
            return width, height
    except Exception:  # what is wrong is told when the picture is read
        return None


def levels(pictures: Tensor) -> Tensor:
    """The levels of an 8-bit file, 0 to 255, for pictures in [-1, 1] of any shape: float32, on the CPU."""
    return ((pictures.detach().float().cpu() + 1) * 127.5).round().clamp(0, 255)


@contextmanager
def quiet() -> Iterator[None]:
    """Pillow warns of much that is said here in other words, or by the script itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def reason(error: BaseException) -> str:
    """The first line of what an error says."""
    text = getattr(error, "strerror", None) or str(error)
    return text.strip().partition("\n")[0].rstrip(".") or type(error).__name__
