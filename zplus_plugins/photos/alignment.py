"""How an aligned image was cut out of a photograph: what it takes to put it back.

It is stored as JSON in a text chunk of the aligned image's PNG file, where it survives renaming and copying, and in the
record of its inversion, as ``about["alignment"]``. Both may come from anywhere and are checked when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import PngImagePlugin

from zplus_plugins.errors import RequirementError
from zplus_plugins.photos.quad import Quad, side, turned
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.schema import NUMBER, SHA256, Field, Kind, parsed
from zplus_plugins.system.picture_file import opened

CHUNK = "zplus-alignment"
SIZES = (16, 4096)
"""The smallest and the largest size of an aligned image in pixels."""

_LONGEST = 4000  # characters of the JSON text
_LARGEST_PHOTO = 10**6  # px of a side
_LEAST_SIDE, _MOST_SIDES = 2.0, 20.0  # of the square: in px, and in sides of the photograph
_NOT_SQUARE = 0.01  # in px, beside the same share of the side


def _between(first: int, last: int) -> Kind:
    return Kind(f"a whole number from {first} to {last}", lambda value: type(value) is int and first <= value <= last)


def _list_of(length: int, kind: Kind, expected: str) -> Kind:
    fits = lambda value: isinstance(value, list | tuple) and len(value) == length and all(map(kind.fits, value))  # noqa: E731
    return Kind(expected, fits)


_NAME = Kind("a text of up to 255 characters", lambda value: isinstance(value, str) and len(value) <= 255)
_FIELDS = {
    "photo": Field(_NAME),
    "photo_sha256": Field(SHA256),
    "photo_size": Field(_list_of(2, _between(1, _LARGEST_PHOTO), "a width and a height in pixels")),
    "quad": Field(_list_of(4, _list_of(2, NUMBER, "a point"), "four points (x, y)")),
    "size": Field(_between(*SIZES)),
    "detector": Field(_NAME),
    "face": Field(_between(1, 10**6)),
}


@dataclass(frozen=True)
class Alignment:
    """How an aligned image was cut out of a photograph.

    Attributes:
        photo: the name of the photograph's file.
        photo_sha256: its sha256.
        photo_size: width and height of the upright photograph in pixels.
        quad: the corners of a square in it, in pixels from its upper left corner, which became the image's upper left,
            lower left, lower right and upper right corner.
        size: side of the aligned image in pixels.
        detector: the name of the detector that found the face.
        face: the number of the face in the photograph; 1 is the largest.
    """

    photo: str
    photo_sha256: str
    photo_size: tuple[int, int]
    quad: tuple[tuple[float, float], ...]
    size: int
    detector: str
    face: int

    def plain(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {**asdict(self), "photo_size": list(self.photo_size), "quad": [list(point) for point in self.quad]}

    @classmethod
    def of(cls, content: Any) -> Alignment:
        """An alignment from JSON values, which need not be trusted.

        Raises:
            ContentError: something is missing or of the wrong kind, or the four points are not the corners of a square
                that overlaps the photograph.
        """
        if not isinstance(content, Mapping):
            raise ContentError(f"its alignment is a {type(content).__name__}; expected a JSON object")
        values = parsed(content, _FIELDS, "alignment.")
        quad = tuple((float(x), float(y)) for x, y in values.pop("quad"))
        found = cls(photo_size=tuple(values.pop("photo_size")), quad=quad, **values)
        if problem := _fault(found.corners, found.photo_size):
            raise ContentError(f"its alignment.quad is {[list(point) for point in quad]}, {problem}")
        return found

    @property
    def corners(self) -> Quad:
        """The corners (4, 2), float64."""
        return np.array(self.quad)


def _fault(quad: Quad, photo: tuple[int, int]) -> str | None:
    """Why four points cannot be the square of an alignment; None if they can."""
    x, y, across = quad[3] - quad[0], quad[1] - quad[0], quad[2] - quad[0]
    length = side(quad)
    if not _LEAST_SIDE <= length <= _MOST_SIDES * max(photo):
        return f"whose side is {length:g} pixels in a photograph of {photo[0]} x {photo[1]}"
    off = max(float(np.abs(y - turned(x)).max()), float(np.abs(across - x - y).max()))
    if off > _NOT_SQUARE * (1 + length):
        return "which are not the corners of a square"
    if (quad.max(axis=0) <= 0).any() or (quad.min(axis=0) >= photo).any():
        return f"which lie outside a photograph of {photo[0]} x {photo[1]}"
    return None


def text_chunk(alignment: Alignment) -> PngImagePlugin.PngInfo:
    """The text chunk of a PNG file that holds an alignment."""
    chunk = PngImagePlugin.PngInfo()
    chunk.add_itxt(CHUNK, json.dumps(alignment.plain()))
    return chunk


def alignment_in(path: Path) -> Alignment | None:
    """The alignment in an image file; None if there is none in it.

    Raises:
        ContentError: there is one, and it is not valid or not of this image; the message is the end of a sentence.
        RequirementError: the file is not an image.
    """
    with opened(path) as image:
        text, size = getattr(image, "text", {}).get(CHUNK) if image.format == "PNG" else None, image.size
    if text is None:
        return None
    if len(text) > _LONGEST:
        raise ContentError(f"its alignment has {len(text)} characters; expected at most {_LONGEST}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ContentError(f"its alignment is not JSON: {error}") from None
    found = Alignment.of(content)
    if size != (found.size, found.size):
        raise ContentError(f"it has {size[0]} x {size[1]} pixels; its alignment is of {found.size} x {found.size}")
    return found


def require_same_photo(alignment: Alignment, path: Path, sha256: str, size: tuple[int, int]) -> None:
    """Raise RequirementError unless a photograph is the one that an image was cut out of."""
    if (sha256, size) != (alignment.photo_sha256, alignment.photo_size):
        raise RequirementError(
            f"{path} is not the photograph that the image was cut out of: its sha256 is {sha256[:16]}..., that of "
            f"{alignment.photo!r} was {alignment.photo_sha256[:16]}.... Give that file, unchanged."
        )
