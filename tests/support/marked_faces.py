"""Drawn faces whose points are marked by colours, and a detector of these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from zplus_plugins.photos import Alignment, Face
from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.photos.quad import quad_of

# Left eye, right eye, nose, left and right corner of the mouth.
COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)])
UPRIGHT = np.array([(-20, 0), (20, 0), (0, 22), (-16, 44), (16, 44)], dtype=float)


class Marks:
    """Finds a face by the centres of its colours."""

    name = "marks"

    def __call__(self, picture: np.ndarray) -> list[Face]:
        points = []
        for colour in COLOURS:
            there = np.abs(picture.astype(int) - colour).max(axis=-1) < 90
            if not there.any():
                return []
            points.append(np.argwhere(there)[:, ::-1].mean(axis=0) + 0.5)
        left, upper = np.min(points, axis=0) - 5
        right, lower = np.max(points, axis=0) + 5
        return [Face(np.array(points), (left, upper, right, lower))]


def drawn(turn: float = 0.0, scale: float = 1.0, at: tuple[float, float] = (160, 120)) -> tuple[Image.Image, Any]:
    """A picture of 320 x 300 pixels of a face, and its points."""
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    points = scale * UPRIGHT @ np.array([(c, s), (-s, c)]) + at
    y, x = np.mgrid[:300, :320] + 0.5
    pixels = np.full((300, 320, 3), 128, np.uint8)
    for colour, (px, py) in zip(COLOURS, points, strict=True):
        pixels[(x - px) ** 2 + (y - py) ** 2 < (5 * scale) ** 2] = colour
    return Image.fromarray(pixels), points


def alignment_by(points: np.ndarray, photo: Image.Image | Path) -> Alignment:
    """The alignment of a photograph whose face has these points, to 64 x 64 pixels."""
    read = Photograph.of(photo)
    corners = tuple((float(x), float(y)) for x, y in quad_of(points))
    return Alignment(read.path.name, read.sha256, read.image.size, corners, 64, "by hand", 1)
