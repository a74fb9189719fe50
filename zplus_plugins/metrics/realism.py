"""How near pictures are to real ones: the distance to a near neighbour, in a space of whitened features.

The features should be ones that did not judge the training of the generator whose pictures are measured: pixels
(:class:`Pixels`), or an independently trained network.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.errors import UsageError

NEIGHBOUR = 5
OWN_SHARE = 0.95
"""The share of other real pictures that count as near the real ones, which sets how near that is."""

Features = Callable[[Tensor], Tensor]


class Pixels:
    """Principal components of real pictures' pixels, each of variance 1, and how much of a picture they leave out.

    Args:
        real: (n, 3, R, R).
        size: pictures are first averaged down to size x size.
        components: number of principal components.

    Raises:
        UsageError: there are not more pictures, or not as many numbers in one, as components.
    """

    def __init__(self, real: Tensor, size: int = 32, components: int = 64) -> None:
        self._size = size
        flat = self._flat(real).double()
        if not components < min(len(flat), flat.shape[1] + 1):
            raise UsageError(f"{len(flat)} pictures of {flat.shape[1]} numbers have no {components} components.")
        self._mean = flat.mean(dim=0)
        variances, axes = torch.linalg.eigh((flat - self._mean).T.cov())
        self._axes = axes[:, -components:]
        self._spread = variances[-components:].clamp_min(1e-12).sqrt()
        self._left_out = (torch.zeros(()).double(), torch.ones(()).double())
        rest = self(real)[:, -1].double()
        self._left_out = (rest.mean(), rest.std().clamp_min(1e-12))

    def __call__(self, pictures: Tensor) -> Tensor:
        """Features (B, components + 1) of pictures (B, 3, R, R)."""
        x = self._flat(pictures).double() - self._mean
        along = x @ self._axes
        rest = torch.linalg.vector_norm(x - along @ self._axes.T, dim=1, keepdim=True)
        mean, spread = self._left_out
        return torch.cat([along / self._spread, (rest - mean) / spread], dim=1).float()

    def _flat(self, pictures: Tensor) -> Tensor:
        return F.interpolate(pictures.clamp(-1, 1), size=(self._size, self._size), mode="area").flatten(1)


class Realism:
    """Distances of pictures to the :data:`NEIGHBOUR`-th nearest of real ones.

    Args:
        features: of pictures, (B, 3, R, R) -> (B, d).
        real: real pictures, (n, 3, R, R).
        others: other real pictures; their own distances are the scale.
    """

    def __init__(self, features: Features, real: Tensor, others: Tensor) -> None:
        self._features, self._real = features, features(real)
        own = self._raw(others)
        self._typical, self._reach = own.median(), own.quantile(OWN_SHARE)

    def distances(self, pictures: Tensor) -> Tensor:
        """Distances (B,) of pictures, in units of the median distance of other real ones."""
        return self._raw(pictures) / self._typical

    def near(self, distances: Tensor) -> Tensor:
        """Whether :meth:`distances` are no greater than those of :data:`OWN_SHARE` of other real pictures, (B,)."""
        return distances * self._typical <= self._reach * (1 + 1e-6)

    def _raw(self, pictures: Tensor) -> Tensor:
        return torch.cdist(self._features(pictures), self._real).kthvalue(NEIGHBOUR, dim=1).values
