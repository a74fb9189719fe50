"""Image files: checks before the pixels are decoded, decoding, and rounding to 8-bit levels."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError

from zplus_plugins.errors import RequirementError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

_COLOURED = ("1", "L", "P", "RGB", "CMYK", "YCbCr")
_WITH_ALPHA = ("LA", "PA", "La", "RGBA", "RGBa")
MOST_PIXELS = 2**28 // 3
"""The most pixels of an image: Pillow's own limit, which a script or a program that imports us may have lifted."""


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


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file, of which nothing but the header is read yet; its pixels are decoded in the block.

    Raises:
        RequirementError: it is not an image, or is huge or damaged.
    """
    try:
        require_file(str(path))
        with quiet():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise Image.DecompressionBombError
                yield image
    except RequirementError:
        raise
    except UnfitError as error:
        raise RequirementError(f"{error} Leave it out, or save it again, for example as PNG.") from None
    except UnidentifiedImageError:
        text = f"{path} is not an image that Pillow can read."
        raise RequirementError(f"{text} Leave it out, or save it again, for example as PNG.") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        most = min(Image.MAX_IMAGE_PIXELS or MOST_PIXELS, MOST_PIXELS) // 1_000_000
        raise RequirementError(f"{path} has more than {most} million pixels. Crop it or make it smaller.") from None
    except Exception as error:  # decoders raise many types of errors for damaged files
        raise RequirementError(f"{path} cannot be read: {reason(error)}. Leave it out, or save it again.") from None


def require_single(path: Path | str, image: Image.Image) -> None:
    """Raise RequirementError if an opened file holds several images, as a film does."""
    if getattr(image, "is_animated", False) and image.format != "MPO":  # from a phone: one photograph and its previews
        raise RequirementError(f"{path} has {getattr(image, 'n_frames', 2)} frames; expected a single image.")


def pixels_of(path: Path | str, image: Image.Image, kind: str | None) -> NDArray[np.float32]:
    """Pixels (H, W, 3) in [0, 1]; greyscale images with 16 bits keep their precision.

    Args:
        path: for messages.
        image: of the file, turned upright.
        kind: Pillow's name of the file's format.

    Raises:
        RequirementError: the image is partly transparent, or its range is unknown.
    """
    import numpy as np

    if has_16_bits(image, kind):
        grey = np.asarray(image).astype(np.float32) / np.float32(65535)
        return np.repeat(grey[..., None], 3, axis=2)
    pixels: NDArray[np.float32] = np.asarray(opaque(path, image), dtype=np.float32) / np.float32(255)
    return pixels


def has_16_bits(image: Image.Image, kind: str | None) -> bool:
    """Whether it is a greyscale image with 16 bits. Older versions of Pillow read 16-bit PNG as 32-bit."""
    return image.mode.startswith("I;16") or (image.mode == "I" and kind == "PNG")


def opaque(path: Path | str, image: Image.Image) -> Image.Image:
    """An image of 8 bits as RGB.

    Raises:
        RequirementError: it is partly transparent, or its range is unknown.
    """
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise RequirementError(f"{path} is partly transparent. Flatten it onto a background.")
    elif image.mode not in _COLOURED:
        raise RequirementError(f"{path} has pixels of mode {image.mode!r}, whose range is unknown; expected RGB.")
    return image.convert("RGB")


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
