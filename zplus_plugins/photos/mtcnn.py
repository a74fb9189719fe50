"""MTCNN (Zhang et al., arXiv 1604.02878) from the package facenet-pytorch, whose wheel contains the weights."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from zplus_plugins.errors import RequirementError
from zplus_plugins.photos.faces import Detector, Face, Pixels, Points
from zplus_plugins.photos.quad import turned, upright_axis

_SMALLEST = 20  # px; its networks were trained on faces of at least 12
# From its points to the middles of the eyes' outlines and the corners of the mouth among the 68 points of dlib, by
# which FFHQ was aligned: the means over 68 generated faces, in distances between the eyes, along the face's axes.
_TO_OUTLINES = np.array([(0.0106, 0.0141), (-0.0106, 0.0141), (0, 0), (0.0056, -0.0075), (-0.0056, -0.0075)])


class Mtcnn(Detector):
    """Faces at least 20 pixels high or wide, about upright: tilts of up to 30 degrees were tried.

    Raises:
        RequirementError: facenet-pytorch (the extra ``faces``) is not installed.
    """

    name = "mtcnn"

    def __init__(self, device: torch.device) -> None:
        try:
            import facenet_pytorch
        except ImportError as error:
            raise RequirementError(
                f"To find faces, facenet-pytorch is needed, which cannot be imported ({error}). Install it: "
                "pip install 'zplus-plugins[faces]'. If pip would replace your torch: pip install --no-deps "
                "'facenet-pytorch<2.6'"
            ) from None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it loads weights in a way that torch before 2.6 warns of
            self._find: Any = facenet_pytorch.MTCNN(min_face_size=_SMALLEST, keep_all=True, device=device)

    def __call__(self, picture: Pixels) -> list[Face]:
        if min(picture.shape[:2]) < _SMALLEST:  # it fails on pictures that can hold no face
            return []
        boxes, probabilities, points = self._find.detect(np.ascontiguousarray(picture), landmarks=True)
        if boxes is None:
            return []
        # It numbers pixels by their centres; Face's coordinates begin half a pixel earlier.
        found = [
            Face(
                _on_outlines(np.asarray(five, np.float64)) + 0.5,
                tuple(np.asarray(box, np.float64) + 0.5),
                min(float(sure), 1.0),
            )
            for box, sure, five in zip(boxes, probabilities, points, strict=True)
        ]
        # It gives faces of half the size that it was asked for, too, whose points are a few pixels apart.
        return [one for one in found if max(one.box[2] - one.box[0], one.box[3] - one.box[1]) >= _SMALLEST]


def _on_outlines(points: Points) -> Points:
    x = upright_axis(points) * float(np.hypot(*(points[1] - points[0])))
    moved: Points = points + _TO_OUTLINES @ np.stack([x, turned(x)])
    return moved
