"""What an image loses in a script's own conversion to 8-bit RGB, reported before the run.

The losses are found by comparing the file, as Pillow describes it, with the pixels that the script's
reader actually returns, because libraries and their versions differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from zplus_plugins.system.picture_file import UnfitError, quiet, reason
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.pictures.readers import Pixels, Reader

_ORIENTATION = 0x0112  # EXIF
_BITS_PER_SAMPLE = 258  # TIFF
_WITH_ALPHA = ("LA", "PA", "La", "RGBA", "RGBa")
_OPAQUE_BUT_FOR_ONE_COLOUR = ("1", "L", "P", "RGB")
_OTHER_COLOURS = {"CMYK": "print (CMYK)", "LAB": "CIE Lab"}


def examine(what: str, path: str, reader: Reader, shape: tuple[int, int] | None = None) -> list[Finding]:
    """Whether a script can use an image, and what is lost of it.

    Args:
        what: the beginning of the messages.
        path: path of the image.
        reader: the script's reader.
        shape: width and height, or their ratio, to which the script resizes every image.
    """
    try:
        pixels = reader.read(path)
    except UnfitError as error:
        return [Finding("missing", f"{what}: {error}")]
    lost = losses(path, pixels, reader) + _squeezed(pixels, shape)
    return [Finding("note", f"{what}: {path} {loss}.") for loss in lost]


def _squeezed(seen: Pixels, shape: tuple[int, int] | None) -> list[str]:
    height, width = seen.shape[:2]
    if shape is None or width * shape[1] == height * shape[0]:
        return []
    made = "a square" if shape[0] == shape[1] else f"{shape[0]} x {shape[1]}"
    return [f"has {width} x {height} pixels, which the script squeezes into {made}"]


def losses(path: str, seen: Pixels, reader: Reader) -> list[str]:
    """What ``reader`` has lost, each as the predicate of a sentence about the image.

    Args:
        seen: RGB pixels (H, W, 3) that the reader returned.
    """
    with quiet(), ExitStack() as stack:
        try:
            image = stack.enter_context(Image.open(path))
            bits, several = _bits(image), getattr(image, "is_animated", False)
            image.load()
        except UnidentifiedImageError:
            return [f"is in a format that only {reader.name} can read here, so nothing is known about losses"]
        except Exception as error:  # see Reader.read; here the script's library reads what Pillow does not
            damage = f"is damaged ({reason(error)}); {reader.name} reads it without a warning"
            return [f"{damage}, and the missing part becomes grey or black"]
        previews = image.format == "MPO"  # previews that phones add to a photograph
        return [
            *(["contains several frames; the script sees only the first"] if several and not previews else []),
            *_losses(image, bits, seen, reader),
        ]


def _losses(image: Image.Image, bits: int, seen: Pixels, reader: Reader) -> Iterator[str]:
    if image.mode in _OTHER_COLOURS:
        yield (
            f"has colours of {_OTHER_COLOURS[image.mode]}, which {reader.name} converts without a colour profile: "
            "expect other shades"
        )
    if image.getexif().get(_ORIENTATION, 1) in range(2, 9):
        turned = ImageOps.exif_transpose(image)
        if _distance(turned, seen) <= _distance(image, seen):
            image = turned
        else:
            yield "is rotated or mirrored by its EXIF orientation, which the script ignores"
    if bits > 8:
        yield _lost_depth(image, bits, seen, reader)
    alpha = _alpha(image)
    if alpha is not None and alpha.shape == seen.shape[:2] and alpha.min() < 255:
        yield (
            f"is transparent in {_share(alpha < 255)} of its pixels; the script ignores that, and sees "
            f"{_beneath(alpha, seen)} there"
        )


def _distance(image: Image.Image, seen: Pixels) -> float:
    if image.size != (seen.shape[1], seen.shape[0]):
        return float("inf")
    return float(np.abs(np.asarray(image.convert("RGB")).astype(np.int16) - seen).mean())


def _bits(image: Image.Image) -> int:
    """Bits per channel of the file. Call this before the pixels are loaded: Pillow reduces colour images to 8 bits."""
    arguments = [tile[3] for tile in getattr(image, "tile", ())]  # arguments of Pillow's decoders
    if image.mode.startswith("I;16") or any(";16" in str(argument) for argument in arguments):
        return 16
    if image.format == "PPM" and any(isinstance(a, tuple) and a[0] != "F;32F" and a[-1] > 255 for a in arguments):
        return 16  # the largest value is the last argument
    if image.mode in ("I", "F"):
        return 32
    if image.format == "TIFF":
        return int(max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))))  # type: ignore[attr-defined]
    return 8


def _lost_depth(image: Image.Image, bits: int, seen: Pixels, reader: Reader) -> str:
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        values = np.asarray(image).astype(np.float64)
        if bits == 32 or np.abs(values / 257 - seen[..., 0]).max() > 2:
            white, black = (_share((seen == level).all(-1)) for level in (255, 0))
            return (
                f"has values of {bits} bits, from {values.min():.6g} to {values.max():.6g}, which {reader.name} clips "
                f"to 0 and 255: the script sees {white} white and {black} black"
            )
    return f"has {bits} bits per channel, of which the script sees 8"


def _alpha(image: Image.Image) -> NDArray[np.uint8] | None:
    """Opacity (H, W), 0 to 255; None for an image that cannot be transparent."""
    if image.mode in _WITH_ALPHA or (image.mode in _OPAQUE_BUT_FOR_ONE_COLOUR and "transparency" in image.info):
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return None


def _share(where: NDArray[np.bool_]) -> str:
    share = float(where.mean())
    return "less than 1%" if 0 < share < 0.01 else f"{share:.0%}"


def _beneath(alpha: NDArray[np.uint8], seen: Pixels) -> str:
    """What the script sees where an image is transparent."""
    there = seen[alpha <= max(127, alpha.min())]
    for level, name in ((0, "black"), (255, "white")):
        if np.mean((there == level).all(-1)) > 0.9:
            return name
    return "whatever colours are underneath"
