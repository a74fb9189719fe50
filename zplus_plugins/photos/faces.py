"""A face in a picture: five points, as most detectors give them; and what finds faces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zplus_plugins.errors import ImageError

POINTS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner of the mouth")
"""The points of a face, named by their sides in the picture of an upright face."""

Points = NDArray[np.float64]
Pixels = NDArray[np.uint8]
"""An RGB image (H, W, 3)."""


@dataclass(frozen=True, eq=False)
class Face:
    """A face that was found in a picture.

    Coordinates are (x, y) in pixels of the picture. (0, 0) is its upper left corner and (W, H) its lower right one, so
    the centre of the first pixel is (0.5, 0.5).

    Attributes:
        points: those of :data:`POINTS`, float64 (5, 2).
        box: left, upper, right and lower edge; may exceed the picture.
        confidence: from 0 to 1.

    Raises:
        ImageError: a value has another shape or range, or is not finite.
    """

    points: Points
    box: tuple[float, float, float, float]
    confidence: float = 1.0

    def __post_init__(self) -> None:
        points, box = np.array(self.points, dtype=np.float64), tuple(map(float, self.box))
        if points.shape != (len(POINTS), 2) or not np.isfinite(points).all():
            raise ImageError(f"The points of a face are {points.tolist()}; expected {len(POINTS)} finite (x, y).")
        if len(box) != 4 or not np.isfinite(box).all() or box[0] >= box[2] or box[1] >= box[3]:
            raise ImageError(f"The box of a face is {box}; expected finite left, upper, right and lower edges.")
        if not 0 <= self.confidence <= 1:
            raise ImageError(f"The confidence of a face is {self.confidence}; expected a number from 0 to 1.")
        points.setflags(write=False)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "box", box)
        object.__setattr__(self, "confidence", float(self.confidence))

    @property
    def area(self) -> float:
        """The area of the box in pixels."""
        left, upper, right, lower = self.box
        return (right - left) * (lower - upper)

    def scaled(self, factor: float, left: float = 0.0, upper: float = 0.0) -> Face:
        """The same face in a picture ``factor`` times as large, of which this picture's corner is (left, upper)."""
        shift = np.array((left, upper))
        corners = np.reshape(self.box, (2, 2)) * factor + shift
        return Face(self.points * factor + shift, tuple(corners.ravel()), self.confidence)

    def mirrored(self, width: float) -> Face:
        """The same face in the mirrored picture, of the given width: its left points are then its right ones."""
        points = self.points[[1, 0, 2, 4, 3]] * (-1, 1) + (width, 0)
        left, upper, right, lower = self.box
        return Face(points, (width - right, upper, width - left, lower), self.confidence)


class Detector(Protocol):
    """Finds faces.

    Attributes:
        name: its name, which is recorded with what was done with its faces.
    """

    name: str

    def __call__(self, picture: Pixels) -> Iterable[Face]:
        """All faces in an RGB image (H, W, 3), in any order."""
        raise NotImplementedError


def largest_first(faces: Iterable[Face]) -> list[Face]:
    """Faces by the areas of their boxes; of equal ones, the one further to the left is first."""
    return sorted(faces, key=lambda face: (-face.area, face.box))
