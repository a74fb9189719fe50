"""MTCNN (Zhang et al., arXiv 1604.02878) from the package facenet-pytorch, whose wheel contains the weights."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from zplus_plugins.errors import RequirementError
from zplus_plugins.photos.faces import Detector, Face, Pixels

_SMALLEST = 20  # px; its networks were trained on faces of at least 12


class Mtcnn(Detector):
    """Faces of at least 20 pixels, upright or tilted by up to about 45 degrees.

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
        return [
            Face(np.asarray(five, np.float64) + 0.5, tuple(np.asarray(box, np.float64) + 0.5), min(float(sure), 1.0))
            for box, sure, five in zip(boxes, probabilities, points, strict=True)
        ]
