"""Identity: unit vectors whose inner product is the similarity of the identities in two images."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.errors import ImageError, RequirementError
from zplus_plugins.metrics.pixels import shown
from zplus_plugins.system.downloads import downloading, facenet_weights
from zplus_plugins.system.picture_file import levels

_AT_ONCE = 32
_NOBODY = torch.full((512,), torch.nan)


class Identity(Protocol):
    """A measure of identity.

    Attributes:
        name: its name in tables.
    """

    name: str

    def __call__(self, pictures: Tensor) -> Tensor:
        """Unit vectors (B, D), on the CPU, for images (B, 3, R, R); a row of NaN if no face is found."""
        raise NotImplementedError

    def similarity(self, a: Tensor, b: Tensor) -> Tensor:
        """Cosine similarities (B,), at most 1, of two sets of images; NaN if a face was not found."""
        return (self(a) * self(b)).sum(dim=1)


class _Embedded(Identity):
    name = "embedded"

    def __init__(self) -> None:
        from zplus_plugins.portraits.networks.embedded import embedded_regressor

        self._regressor = embedded_regressor()

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        from zplus_plugins.portraits import RESOLUTION

        if pictures.shape[1:] != (3, RESOLUTION, RESOLUTION):
            raise ImageError(
                f"The images have shape {tuple(pictures.shape)}; the embedded identity is of portraits "
                f"(B, 3, {RESOLUTION}, {RESOLUTION})."
            )
        return torch.cat([self._regressor.identity(part) for part in torch.split(shown(pictures), _AT_ONCE)])


class _Facenet(Identity):
    """As in arXiv 2307.08995: MTCNN finds the face, InceptionResnetV1 (trained on VGGFace2) encodes its identity."""

    name = "facenet"

    def __init__(self) -> None:
        try:
            import facenet_pytorch
        except ImportError as error:
            raise RequirementError(
                f"The identity of real faces needs facenet-pytorch, which cannot be imported ({error}). Install it: "
                "pip install 'zplus-plugins[faces]'"
            ) from None
        with warnings.catch_warnings(), downloading(facenet_weights()):
            warnings.simplefilter("ignore")  # it loads weights in a way that torch before 2.6 warns of
            self._find: Any = facenet_pytorch.MTCNN(image_size=160)
            self._tell: Any = facenet_pytorch.InceptionResnetV1(pretrained="vggface2").eval()

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        rows = [self._row(picture) for picture in levels(pictures).byte()]
        return torch.stack(rows) if rows else torch.empty(0, 512)

    def _row(self, picture: Tensor) -> Tensor:
        if min(picture.shape[1:]) < self._find.min_face_size:  # MTCNN fails on pictures that can hold no face
            return _NOBODY
        # No array: of that, the package cuts the face out with OpenCV, which neither it nor we require.
        face = self._find(Image.fromarray(picture.permute(1, 2, 0).numpy()))
        if face is None:
            return _NOBODY
        vector: Tensor = F.normalize(self._tell(face[None]), dim=1)[0]
        return vector


def embedded_identity() -> Identity:
    """Identity of drawn portraits (B, 3, 64, 64), by the embedded regressor."""
    return _Embedded()


def facenet_identity() -> Identity:
    """Identity of photographed faces, by facenet-pytorch (the extra ``faces``).

    Raises:
        RequirementError: it is not installed.
        DownloadError: its weights are missing, and cannot be downloaded.
    """
    return _Facenet()
