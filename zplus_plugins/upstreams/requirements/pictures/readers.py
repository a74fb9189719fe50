"""The libraries with which scripts read images, so that an image can be checked as the script will see it."""

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

_LARGEST = 180_000_000  # pixels; OpenCV reads larger images too, but checking them would take gigabytes


@dataclass(frozen=True)
class Reader:
    """How a script converts an image file to 8-bit RGB.

    Attributes:
        name: name of the library, for messages.
        module: the library's module.
        decode: the script's own call: takes a path, returns RGB pixels (H, W, 3), raises whatever the library raises.
    """

    name: str
    module: str
    decode: Callable[[str], Pixels]

    def absent(self) -> str | None:
        """Why this library cannot read anything here; None if it is installed."""
        if is_installed(self.module):
            return None
        remedy = how_to_get([MissingModule(self.module)])
        return f"The script reads images with {self.name}, which is not installed. {remedy}"

    def read(self, path: str) -> Pixels:
        """The RGB pixels (H, W, 3) that the script will see.

        Raises:
            UnfitError: the script would fail on this file, or it is too large to be checked.
        """
        require_file(path)
        try:
            with quiet():
                return self.decode(path)
        except Exception as error:  # decoders raise all kinds of errors, on which the script would fail
            raise UnfitError(self._unread(path, error)) from None

    def _unread(self, path: str, error: Exception) -> str:
        if isinstance(error, UnfitError):
            return str(error)
        if isinstance(error, UnidentifiedImageError):
            problem = f"is not an image that {self.name} can read"
        else:
            problem = f"cannot be read with {self.name}: {reason(error)}"
        return f"{path} {problem}. Leave it out, or save it again as an 8-bit PNG."


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
    if image is None:  # OpenCV gives no reason; Pillow may
        _by_pillow(path)
        raise ValueError("it does not support this kind of image")
    pixels: Pixels = image[..., ::-1]
    return pixels


@contextmanager
def _silenced(cv2: Any) -> Iterator[None]:
    """Silence OpenCV, which prints a message when it cannot read a file."""
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
"""The reader of a script that opens images with Pillow and converts them to RGB."""
OPENCV = Reader("OpenCV", "cv2", _by_opencv)
"""The reader of a script that opens images with ``cv2.imread``."""
