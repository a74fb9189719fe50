"""Masks that were painted: kept by their digests, so that links to what they confine go on working."""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zplus_plugins.directions.edits.region import Region
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.system.cache import digest
from zplus_plugins.system.files import cannot_write, moved_to_free, temporary_folder
from zplus_plugins.system.picture_file import opened, pixels_of, require_single

FOLDER = "masks"
LARGEST = 8 * 2**20
"""Bytes of a PNG file."""
SIDES = (16, 4096)
"""Pixels of the smallest and of the largest mask."""

_ID = re.compile(r"[0-9a-f]{16}")
_REMEMBERED = 16  # regions
_COLOUR = 2 / 255
_NAME = "The mask"


class Masks:
    """Masks in a folder of results: ``OUT/masks/ID.png``, a greyscale image, white where an edit applies.

    Each can be given to ``zplus edit --mask``, and ``ID`` is the digest of its size and its levels.

    Args:
        out: the folder of results.
    """

    def __init__(self, out: Path | str) -> None:
        self._folder = Path(out) / FOLDER
        self._regions: OrderedDict[tuple[str, int, float], Region] = OrderedDict()

    def keep(self, content: bytes) -> str:
        """Keep a mask, and return its id; the same mask is the same file.

        Args:
            content: of a square PNG file, which need not be trusted: a greyscale image, or one that is partly
                transparent, whose opacity is then the mask.

        Raises:
            RequirementError: it is none, too large or too small, coloured or empty, or cannot be written.
        """
        if len(content) > LARGEST:
            raise RequirementError(
                f"{_NAME} has {len(content):,} bytes; expected at most {LARGEST:,}. Paint it at a lower resolution."
            )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with temporary_folder(self._folder) as place:
                given = place / "given.png"
                given.write_bytes(content)
                levels = _levels(given)
                whole = place / "mask.png"
                whole.write_bytes(_png(levels))
                id = _id(levels)
                if not moved_to_free(whole, self._folder / f"{id}.png"):
                    self.path(id)
                return id
        except OSError as error:
            raise cannot_write(self._folder, error) from None

    def path(self, id: str) -> Path:
        """The file of a mask.

        Raises:
            UsageError: there is none, or it has been changed.
        """
        file = self._folder / f"{id}.png"
        if not _ID.fullmatch(id) or not file.is_file():
            raise UsageError(f"There is no mask {id[:40]!r} in {self._folder}. Paint it again.")
        if _id(_levels(file)) != id:
            raise UsageError(f"{file} has been changed since it was painted. Move it away, and paint the mask again.")
        return file

    def region(self, id: str, resolution: int, feather: float) -> Region:
        """The region of images that a mask shows; arguments and errors as for :meth:`path` and :meth:`Region.of`."""
        key = (id, resolution, feather)
        if key not in self._regions:
            self._regions[key] = Region.of(str(self.path(id)), resolution, feather)
        self._regions.move_to_end(key)
        while len(self._regions) > _REMEMBERED:
            self._regions.popitem(last=False)
        return self._regions[key]


def _levels(file: Path) -> NDArray[np.uint8]:
    """The levels (H, H) of a mask's file."""
    try:
        with opened(file) as image:
            _require_fit(image)
            alpha = np.asarray(image.convert("RGBA").getchannel("A")) if _may_be_clear(image) else None
            if alpha is not None and alpha.min() < 255:
                levels: NDArray[np.uint8] = alpha
            else:
                levels = _grey(image)
    except RequirementError as error:
        raise RequirementError(str(error).replace(str(file), _NAME)) from None
    if not levels.any():
        raise RequirementError(f"{_NAME} is empty, so that nothing would be edited. Paint the region to edit.")
    return levels


def _require_fit(image: Image.Image) -> None:
    width, height = image.size
    if image.format != "PNG":
        raise RequirementError(f"{_NAME} is an image of the format {image.format}; expected PNG.")
    if width != height or not SIDES[0] <= width <= SIDES[1]:
        raise RequirementError(
            f"{_NAME} has {width} x {height} pixels; expected a square of {SIDES[0]} to {SIDES[1]} pixels a side."
        )
    require_single(_NAME, image)


def _may_be_clear(image: Image.Image) -> bool:
    return "A" in image.getbands() or "transparency" in image.info


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    pixels = pixels_of(_NAME, image, image.format)
    if float(np.ptp(pixels, axis=2).max()) > _COLOUR:
        raise RequirementError(f"{_NAME} has colours; expected a greyscale image, white where the edit applies.")
    levels: NDArray[np.uint8] = np.rint(pixels[..., 0] * 255).astype(np.uint8)
    return levels


def _id(levels: NDArray[np.uint8]) -> str:
    return digest(str(len(levels)), levels.tobytes())[:16]


def _png(levels: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(levels).save(content, "PNG")
    return content.getvalue()
