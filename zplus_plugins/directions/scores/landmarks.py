"""Scores of the largest face in an image: pose, proportions, and the colours of skin and hair."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.directions.scores.geometry import Points, pose_of, proportions_of
from zplus_plugins.photos.detectors import DEFAULT, detector_named
from zplus_plugins.photos.faces import Detector, Face, largest_first
from zplus_plugins.system.picture_file import levels

_SEEN = 256  # px, to which images are resized for the detector
_RADIUS = 0.18  # of a region, in distances from the eyes to the mouth
_ABOVE = 1.35  # how far hair is above the eyes, in the same unit
_INSIDE = 0.5  # share of a region that must lie in the image
_NONE = (np.nan, np.nan)
_TO_XYZ = np.array(
    [(0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041)]
)  # of linear sRGB
_WHITE = _TO_XYZ.sum(axis=1)


class Landmarks:
    """Scores by the five points of the largest face; NaN for images without one.

    - yaw and roll: degrees; positive to the right of the image and clockwise (:mod:`geometry`). There is no pitch,
      because five points cannot tell it from a face's proportions;
    - mouth_width, face_length: relative to the distance between the eyes;
    - face_size, face_x, face_y: from the eyes to the mouth, and where their middle lies, in widths of the image;
    - skin_lightness, skin_redness: CIE L* and a* of the median colour of both cheeks, halfway between eye and mouth;
    - hair_lightness, hair_redness: the same of a region above the forehead, where a bald head has skin and a hat is a
      hat; NaN if it lies outside the image.

    Args:
        detector: of faces; None for the default one.
        device: where the default one computes.

    Raises:
        RequirementError: facenet-pytorch (the extra ``faces``) is not installed.
    """

    names = (
        "yaw",
        "roll",
        "mouth_width",
        "face_length",
        "face_size",
        "face_x",
        "face_y",
        "skin_lightness",
        "skin_redness",
        "hair_lightness",
        "hair_redness",
    )

    def __init__(self, detector: Detector | None = None, device: str = "cpu") -> None:
        self._find = detector_named(DEFAULT, device) if detector is None else detector
        self.key = f"landmarks:{self._find.name}"

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Scores (B, 11) of images (B, 3, R, R) in [-1, 1]."""
        size = (_SEEN, _SEEN)
        seen = F.interpolate(pictures.float().cpu(), size, mode="bicubic", antialias=True, align_corners=False)
        rows = [self._row(picture.permute(1, 2, 0).contiguous().numpy()) for picture in levels(seen).byte()]
        return torch.tensor(rows, dtype=torch.float32).reshape(-1, len(self.names))

    def _row(self, picture: NDArray[np.uint8]) -> list[float]:
        faces = largest_first(self._find(picture))
        return list(_of_face(faces[0], picture)) if faces else [np.nan] * len(self.names)


def _of_face(face: Face, picture: NDArray[np.uint8]) -> Iterator[float]:
    pose, proportions = pose_of(face.points), proportions_of(face.points, picture.shape[1])
    yield from (pose.yaw, pose.roll)
    yield from (proportions.mouth_width, proportions.face_length)
    yield from (proportions.size, proportions.x, proportions.y)
    left_eye, right_eye, _, left_mouth, right_mouth = face.points
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    radius = _RADIUS * float(np.linalg.norm(eyes - mouth))
    yield from _colour(picture, [(left_eye + left_mouth) / 2, (right_eye + right_mouth) / 2], radius)
    yield from _colour(picture, [eyes + _ABOVE * (eyes - mouth)], radius)


def _colour(picture: NDArray[np.uint8], centres: list[Points], radius: float) -> tuple[float, float]:
    """CIE L* and a* of the median colour of discs in an image (H, W, 3), as far as most of them lies in it."""
    height, width, _ = picture.shape
    rows, columns = np.mgrid[:height, :width] + 0.5
    inside = np.zeros((height, width), dtype=bool)
    for x, y in centres:
        inside |= (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    if inside.sum() < max(1.0, _INSIDE * len(centres) * np.pi * radius**2):
        return _NONE
    return lab(np.median(picture[inside], axis=0))


def lab(colour: NDArray[np.float64]) -> tuple[float, float]:
    """CIE L* (0 to 100) and a* (negative for green, positive for red) of an sRGB colour (3,) from 0 to 255, D65."""
    shown = np.asarray(colour, np.float64) / 255
    linear = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    ratio = _TO_XYZ @ linear / _WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return float(116 * root[1] - 16), float(500 * (root[0] - root[1]))
