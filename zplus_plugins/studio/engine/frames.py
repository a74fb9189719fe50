"""Frames: a picture with what is known of it, as bytes for a page."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from zplus_plugins.portraits.networks.files import sheet

Kind = Literal["edit", "before"]
_SMALL = 128  # pixels, up to which lossless WebP is quicker than it is large
_MOVING, _STILL = 92, 97  # quality of JPEG


@dataclass(frozen=True)
class Frame:
    """A picture for a page.

    Attributes:
        header: plain JSON.
        image: the content of its file, of the type ``header["mime"]``.
    """

    header: dict[str, Any]
    image: bytes

    def as_bytes(self) -> bytes:
        """The length of the header as 4 bytes, little endian, the header as JSON in UTF-8, and the image."""
        header = json.dumps(self.header, allow_nan=False).encode()
        return struct.pack("<I", len(header)) + header + self.image


def is_lossless(picture: Tensor) -> bool:
    """Whether the frames of a picture (3, R, R) show it without loss, also while it moves."""
    return picture.shape[-1] <= _SMALL


def encoded(picture: Tensor, still: bool) -> tuple[str, bytes]:
    """The MIME type and the file of a picture (3, R, R) with values in [-1, 1].

    Small ones are WebP without loss. Others are JPEG without subsampling, of higher quality if the picture is still.
    """
    image, content = sheet(picture[None], 1), io.BytesIO()
    if is_lossless(picture):
        image.save(content, "WEBP", lossless=True, quality=0, method=0)
        return "image/webp", content.getvalue()
    image.save(content, "JPEG", quality=_STILL if still else _MOVING, subsampling=0)
    return "image/jpeg", content.getvalue()
