"""The pose and proportions of a face, from five points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

MODEL: Points = np.array([(-31.5, 0, 0), (31.5, 0, 0), (0, 36, 30), (-26, 73, 3), (26, 73, 3)], dtype=np.float64)
"""A frontal face of average proportions in millimetres: x to the right, y downwards, z towards the camera.

Both eyes, the tip of the nose, both corners of the mouth, as they lie in the picture. Faces differ: a nose
that is a third longer makes the yaw about a third too large, and the pitch cannot be told from proportions at all.
"""


@dataclass(frozen=True)
class Pose:
    """Angles of a head in degrees.

    Attributes:
        yaw: positive if it is turned to the right of the picture.
        pitch: positive if it looks up.
        roll: positive if it is tilted clockwise.
    """

    yaw: float
    pitch: float
    roll: float


def rotation(pose: Pose) -> NDArray[np.float64]:
    """The matrix (3, 3) that turns :data:`MODEL` by a pose: first up or down, then to a side, then tilted."""
    yaw, pitch, roll = np.radians((pose.yaw, pose.pitch, pose.roll))
    (cy, cp, cr), (sy, sp, sr) = np.cos((yaw, pitch, roll)), np.sin((yaw, pitch, roll))
    up = np.array([(1, 0, 0), (0, cp, -sp), (0, sp, cp)])
    aside = np.array([(cy, 0, sy), (0, 1, 0), (-sy, 0, cy)])
    tilted = np.array([(cr, -sr, 0), (sr, cr, 0), (0, 0, 1)])
    return np.asarray(tilted @ aside @ up)


def pose_of(points: Points) -> Pose:
    """The pose whose projection of :data:`MODEL` is nearest to five points (5, 2), as far as perspective is weak.

    This is the first step of POSIT (DeMenthon and Davis, IJCV 1995): least squares for two rows of a scaled rotation,
    from which the nearest rotation follows. Angles are NaN for points that lie on one spot.
    """
    flat, solid = points - points.mean(axis=0), MODEL - MODEL.mean(axis=0)
    rows = (np.linalg.pinv(solid) @ flat).T
    if np.linalg.matrix_rank(rows) < 2:
        return Pose(np.nan, np.nan, np.nan)
    left, _, right = np.linalg.svd(rows, full_matrices=False)
    first, second = left @ right
    third = np.cross(first, second)
    yaw = np.arcsin(np.clip(-third[0], -1, 1))
    pitch, roll = np.arctan2(third[1], third[2]), np.arctan2(second[0], first[0])
    return Pose(*map(float, np.degrees((yaw, pitch, roll))))


@dataclass(frozen=True)
class Proportions:
    """Lengths and places of a face in a picture of width and height 1, and ratios.

    Attributes:
        mouth_width: of the distance between the eyes.
        face_length: from the eyes to the mouth, of the distance between the eyes.
        size: from the eyes to the mouth.
        x, y: halfway between the eyes and the mouth, from the left and the upper edge.
    """

    mouth_width: float
    face_length: float
    size: float
    x: float
    y: float


def proportions_of(points: Points, width: int) -> Proportions:
    """The proportions of five points (5, 2) in a square picture of a width."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    apart = max(float(np.linalg.norm(points[1] - points[0])), np.finfo(float).tiny)
    length, wide = float(np.linalg.norm(mouth - eyes)), float(np.linalg.norm(points[4] - points[3]))
    x, y = (eyes + mouth) / 2 / width
    return Proportions(wide / apart, length / apart, length / width, float(x), float(y))
