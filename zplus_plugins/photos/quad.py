"""The square of a photograph that becomes an aligned image, as for the data set FFHQ (Karras et al., arXiv 1812.04948).

Coordinates are (x, y) in pixels from the upper left corner, as in :class:`~zplus_plugins.photos.faces.Face`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zplus_plugins.errors import ImageError
from zplus_plugins.photos.faces import Points

Quad = NDArray[np.float64]
"""The corners (4, 2) of a square in a photograph: upper left, lower left, lower right and upper right of the image."""

_EYES, _MOUTH = 2.0, 1.8  # half the side, in distances between the eyes, and from the eyes to the mouth
_DOWN = 0.1  # how far below the eyes the centre lies, as a share of the way to the mouth


def quad_of(points: Points) -> Quad:
    """The square around a face whose points (5, 2) are those of :data:`~zplus_plugins.photos.faces.POINTS`.

    Its x axis is the mean of two: the line through the eyes, and the perpendicular to the line from the eyes to the
    mouth. Half its side is the larger of 2 distances between the eyes and 1.8 distances from the eyes to the mouth.

    Raises:
        ImageError: the points coincide, so that there is no square.
    """
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    eye_to_eye, eye_to_mouth = points[1] - points[0], mouth - eyes
    half = max(_EYES * float(np.hypot(*eye_to_eye)), _MOUTH * float(np.hypot(*eye_to_mouth)))
    x = upright_axis(points) * half
    y, centre = turned(x), eyes + _DOWN * eye_to_mouth
    return np.stack([centre - x - y, centre - x + y, centre + x + y, centre + x - y])


def upright_axis(points: Points) -> Points:
    """The unit vector (2,) from left to right in a face with these points; errors as for :func:`quad_of`."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    axis: Points = points[1] - points[0] - turned(mouth - eyes)
    length = float(np.hypot(*axis))
    if not length > 0:
        raise ImageError("The eyes and the mouth of the face have no direction.")
    return axis / length


def turned(vector: Points) -> Points:
    """A vector (2,) turned by a right angle, from the x axis to the y axis."""
    return np.array((-vector[1], vector[0]))


def side(quad: Quad) -> float:
    """The side of a square in pixels."""
    return float(np.hypot(*(quad[3] - quad[0])))


def into_photo(points: Points, quad: Quad, size: int) -> Points:
    """Points (N, 2) of an aligned image of this size, in its photograph."""
    share = points / size
    there: Points = quad[0] + share[:, :1] * (quad[3] - quad[0]) + share[:, 1:] * (quad[1] - quad[0])
    return there


def from_photo(points: Points, quad: Quad, size: int) -> Points:
    """Points (N, 2) of a photograph, in the aligned image of this size; the inverse of :func:`into_photo`."""
    axes = np.stack([quad[3] - quad[0], quad[1] - quad[0]])
    there: Points = (points - quad[0]) @ np.linalg.inv(axes) * size
    return there
