"""The libraries by which scripts read pictures, so that a picture can be looked at as the script will see it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from zplus_plugins.system.picture_file import UnfitError, picture_size, quiet, reason, require_file
from zplus_plugins.upstreams.imports.advice import MissingModule, how_to_get
from zplus_plugins.upstreams.imports.packages import is_installed

Pixels = NDArray[np.uint8]

_LARGEST = 180_000_000  # pixels; OpenCV would read more, and take gigabytes only to have them looked at


@dataclass(frozen=True)
class Reader:
    """How a script makes 8-bit RGB of a picture's file.

    Attributes:
        name: of the library, for messages.
        module: of the library.
        decode: the script's own call, from a path to pixels (H, W, 3), RGB; raises whatever the library does.
    """

    name: str
    module: str
    decode: Callable[[str], Pixels]

    def absent(self) -> str | None:
        """Why this library cannot read anything here; None if it is installed."""
        if is_installed(self.module):
            return None
        remedy = how_to_get([MissingModule(self.module)])
        return f"The script reads pictures by {self.name}, which is not installed. {remedy}"

    def read(self, path: str) -> Pixels:
        """Pixels (H, W, 3), RGB, as the script will see them.

        Raises:
            UnfitError: the script would fail with this file, or it is too large to be looked at.
        """
        require_file(path)
        try:
            with quiet():
                return self.decode(path)
        except Exception as error:  # decoders raise all kinds on damaged files, and the script would fail by the same
            raise UnfitError(self._unread(path, error)) from None

    def _unread(self, path: str, error: Exception) -> str:
        if isinstance(error, UnfitError):
            return str(error)
        if isinstance(error, UnidentifiedImageError):
            problem = f"is not a picture that {self.name} reads"
        else:
            problem = f"cannot be read by {self.name}: {reason(error)}"
        return f"{path} {problem}. Leave it out, or save it anew as a PNG of 8 bits."


def _by_pillow(path: str) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _by_opencv(path: str) -> Pixels:
    width, height = picture_size(path) or (0, 0)
    if width * height > _LARGEST:
        raise UnfitError(f"{path} has {width} x {height} pixels. Crop it or make it smaller.")
    cv2: Any = importlib.import_module("cv2")
    with _silenced(cv2):
        image = cv2.imread(path)
    if image is None:  # for whatever reason; Pillow may know it
        _by_pillow(path)
        raise ValueError("it does not take this kind of picture")
    pixels: Pixels = image[..., ::-1]
    return pixels


@contextmanager
def _silenced(cv2: Any) -> Iterator[None]:
    """OpenCV prints what it thinks of a file, beside giving nothing for it."""
    log = getattr(getattr(cv2, "utils", None), "logging", None)
    if log is None:  # an older one
        yield
        return
    before = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(before)


PILLOW_RGB = Reader("Pillow", "PIL", _by_pillow)
OPENCV = Reader("OpenCV", "cv2", _by_opencv)
