"""Pictures of portraits for a page's list: small ones, and those that were inverted."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from PIL import Image

from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.studio.engine.desk import Portrait
from zplus_plugins.studio.serving.contract import Picture

THUMB = 160  # pixels: twice as many as a page shows, for screens with small ones
_LARGEST = 2048


@torch.no_grad()
def thumb(portrait: Portrait) -> Picture:
    """A small picture of a portrait's first code; in the thread that owns the model."""
    opened = next(iter(portrait.spaces.values()))
    return _encoded(sheet(opened.model.pictures(opened.point), 1), THUMB, "WEBP")


def target(path: Path) -> Picture:
    """The picture in a file, written anew: nothing but its pixels.

    Raises:
        RequirementError: it cannot be read.
    """
    return _encoded(Photograph.of(path).rgb, _LARGEST, "PNG")


def _encoded(image: Image.Image, most: int, kind: str) -> Picture:
    image = image.copy()
    image.thumbnail((most, most), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, kind, lossless=True)
    return Picture(f"image/{kind.lower()}", content.getvalue())
