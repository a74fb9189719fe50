"""The faces of a photograph of any size, and precise points of one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from PIL import Image

from zplus_plugins.photos.crop import cropped
from zplus_plugins.photos.faces import Detector, Face, Points, largest_first
from zplus_plugins.photos.quad import from_photo, into_photo, quad_of

_SIDES = (1280, 4096)  # px of the longer side in which faces are looked for; the larger one if there are none
_CLOSE = 256  # px of the image in which a single face is looked at
_ROUNDS = 2
_SAME = 0.1  # how far the points of a face may have moved on average, in sides of that image


def faces_in(photo: Image.Image, detector: Detector) -> list[Face]:
    """The faces of an RGB image of any size, the largest first.

    A large image is reduced first. Faces that are then too small are looked for only if there are no others.
    """
    for most in _SIDES:
        factor = max(1.0, max(photo.size) / most)
        to = (max(1, round(photo.width / factor)), max(1, round(photo.height / factor)))
        seen = photo if to == photo.size else photo.resize(to, Image.Resampling.BOX, reducing_gap=2.0)
        found = [face.scaled(photo.width / to[0]) for face in detector(np.asarray(seen))]
        if found or factor == 1:
            return largest_first(found)
    return []


def refined(photo: Image.Image, face: Face, detector: Detector) -> Face:
    """The same face with more precise points.

    The face is cut out, upright and at one size, and found again there and in the mirror image; the points are the
    means of both. If it is not found again, they stay as they were.
    """
    for _ in range(_ROUNDS):
        quad = quad_of(face.points)
        image = np.asarray(cropped(photo, quad, _CLOSE))
        views = [
            list(detector(image)),
            [one.mirrored(_CLOSE) for one in detector(np.ascontiguousarray(image[:, ::-1]))],
        ]
        there = from_photo(face.points, quad, _CLOSE)
        found = [points for faces in views if (points := _nearest(faces, there)) is not None]
        if not found:
            break
        face = replace(face, points=into_photo(np.mean(found, axis=0), quad, _CLOSE))
    return face


def _nearest(faces: Iterable[Face], there: Points) -> Points | None:
    """The points of the face that lies where it is expected; None if there is none, or it is another one."""
    nearest = min((face.points for face in faces), key=lambda points: _distance(points, there), default=None)
    return nearest if nearest is not None and _distance(nearest, there) < _SAME * _CLOSE else None


def _distance(a: Points, b: Points) -> float:
    return float(np.hypot(*(a - b).T).mean())
