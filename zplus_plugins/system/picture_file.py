"""Image files: checks before the pixels are decoded, and rounding to 8-bit levels."""

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
    """An image cannot be used; the message is the end of a sentence."""


def require_file(path: str) -> None:
    """Raise UnfitError unless the path is a non-empty file; nothing is opened, so a pipe cannot block."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path would drop a final slash, which the script does not
    except FileNotFoundError:
        if Path(path).is_symlink():
            raise UnfitError(f"{path} is a link to {Path(path).readlink()}, which does not exist.") from None
        raise UnfitError(f"there is no image {path} (looked in {Path.cwd()}).") from None
    except (OSError, ValueError) as error:
        raise UnfitError(f"{path!r} cannot be read: {reason(error)}.") from None
    if stat.S_ISDIR(status.st_mode):
        raise UnfitError(f"{path} is a folder, not an image.")
    if not stat.S_ISREG(status.st_mode):
        raise UnfitError(f"{path} is a pipe or device, not a file.")
    if not status.st_size:
        raise UnfitError(f"{path} is empty (0 bytes).")


def picture_size(path: str) -> tuple[int, int] | None:
    """Width and height from the file's header; None if Pillow does not know its format."""
    try:
        with quiet(), Image.open(path) as image:
            width, height = image.size
            return width, height
    except Exception:  # reading the image will report the problem
        return None


def levels(pictures: Tensor) -> Tensor:
    """The levels of an 8-bit file, 0 to 255, of images in [-1, 1] of any shape: float32, on the CPU."""
    return ((pictures.detach().float().cpu() + 1) * 127.5).round().clamp(0, 255)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's warnings, most of which we or the script report in other words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def reason(error: BaseException) -> str:
    """The first line of an error's message."""
    text = getattr(error, "strerror", None) or str(error)
    return text.strip().partition("\n")[0].rstrip(".") or type(error).__name__
