"""Sprites for the page: all edits of one space in one image."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping

import numpy as np
from PIL import Image

from zplus_plugins.compare.statistics.findings import Findings
from zplus_plugins.compare.work.part import as_bytes
from zplus_plugins.compare.work.run import Measured

MOST_BYTES = 4_000_000  # of all sprites of a report, in base64
LONGEST_SIDE = 16_383  # pixels of a WebP
QUALITY = 88
_LOWEST = 40


def sprites(found: list[Findings], shown: int) -> tuple[dict[str, str], int]:
    """Data URLs by ``SET/SPACE`` (``SET/target`` for the targets), and the number of images of a set that they show.

    A sprite has a row for each image and direction, and a column for each strength. If one is too high for its format,
    the number of images is reduced; if all together are too large, first the quality and then the number.
    """
    quality = QUALITY
    height = max(cells.shape[0] * cells.shape[2] for cells in _cells(found, 1).values())
    shown = max(1, min(shown, LONGEST_SIDE // height))
    while True:
        made = {name: _webp(cells, quality) for name, cells in _cells(found, shown).items()}
        if sum(map(len, made.values())) <= MOST_BYTES or (quality <= _LOWEST and shown <= 1):
            return made, shown
        if quality > _LOWEST:
            quality -= 16
        else:
            shown -= 1


def _cells(found: list[Findings], shown: int) -> Mapping[str, np.ndarray]:
    """Bytes (rows, columns, c, c, 3)."""
    cells = {}
    for one in found:
        cells[f"{one.pictures.name}/target"] = as_bytes(one.pictures.pictures[:shown])[:, None]
        for name, own in one.measured.items():
            cells[f"{one.pictures.name}/{name}"] = _edited(own, shown)
    return cells


def _edited(own: Measured, shown: int) -> np.ndarray:
    if own.edited.size == 0:
        return own.reconstructed[:shown, None]
    k, directions, strengths, *cell = own.edited[:shown].shape
    return own.edited[:shown].reshape(k * directions, strengths, *cell)


def _webp(cells: np.ndarray, quality: int) -> str:
    rows, columns, height, width, _ = cells.shape
    image = Image.fromarray(cells.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
