"""A photograph: an image of any size, upright, with what identifies it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from zplus_plugins.errors import RequirementError
from zplus_plugins.system.files import checksum
from zplus_plugins.system.picture_file import has_16_bits, opaque, opened, require_single


@dataclass(frozen=True, eq=False)
class Photograph:
    """A photograph.

    Attributes:
        path: its file; for an image in memory, a name for messages.
        sha256: of the file; of an image in memory, of its mode, size and pixels.
        image: turned upright as its EXIF orientation says, with its own mode and colour profile.
        kind: Pillow's name of the file's format.
    """

    path: Path
    sha256: str
    image: Image.Image
    kind: str | None = None

    @classmethod
    def of(cls, photo: Photograph | Image.Image | Path | str) -> Photograph:
        """Read a photograph, unless it is an image already.

        Raises:
            RequirementError: it is not an image, or is damaged, huge, animated, partly transparent or of an unknown
                range, or changes while it is read.
        """
        if isinstance(photo, Photograph):
            return photo
        if isinstance(photo, Image.Image):
            image = ImageOps.exif_transpose(photo)
            shape = f"{image.mode} {image.width} {image.height} ".encode()
            return cls(Path("the photograph"), hashlib.sha256(shape + image.tobytes()).hexdigest(), image)
        return cls._read(Path(photo))

    @classmethod
    def _read(cls, path: Path) -> Photograph:
        with opened(path) as image:
            before = hash_of(path)
            require_single(path, image)
            found = cls(path, before or "", ImageOps.exif_transpose(image), image.format)
            found.image.load()
            found.rgb.load()  # what is wrong with the pixels is found here
        if hash_of(path) != before:
            raise RequirementError(f"{path} has changed while it was read. Run the same command again.")
        return found

    @cached_property
    def rgb(self) -> Image.Image:
        """The photograph as RGB with 8 bits.

        Raises:
            RequirementError: it is partly transparent, or its range is unknown.
        """
        if self.has_16_bits:
            grey = np.rint(np.asarray(self.image).astype(np.float32) / 257).clip(0, 255).astype(np.uint8)
            return Image.fromarray(grey).convert("RGB")
        return opaque(self.path, self.image)

    @property
    def has_16_bits(self) -> bool:
        """Whether it is a greyscale image with 16 bits."""
        return has_16_bits(self.image, self.kind)


def hash_of(path: Path) -> str | None:
    """The sha256 of a file; None if it cannot be read."""
    try:
        return checksum(path) if path.is_file() else None
    except OSError:
        return None
