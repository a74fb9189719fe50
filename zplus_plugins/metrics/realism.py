"""How near pictures are to real ones: the distance to a near neighbour, in a space of whitened features.

The features should be ones that did not judge the training of the generator whose pictures are measured: pixels,
edges, or an independently trained network.
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
_LEAST_ENERGY = 1e-5  # of edges, in squares of pixel values from -1 to 1: less cannot be seen

Features = Callable[[Tensor], Tensor]


def pixels(pictures: Tensor, size: int = 32) -> Tensor:
    """Pixels of pictures (B, 3, R, R), averaged down to size x size: (B, 3 * size ** 2)."""
    return F.interpolate(pictures.clamp(-1, 1), size=(size, size), mode="area").flatten(1)


def edges(pictures: Tensor, grid: int = 4, levels: int = 2) -> Tensor:
    """How sharp pictures (B, 3, R, R) are: logarithms of the energy of the finest levels of their Laplacian pyramids.

    Pixels do not tell: a blurred picture, or the mean of two, is nearer to the real ones than these are to each other.

    Args:
        pictures: with values in [-1, 1]; others are clamped.
        grid: the energy is averaged over grid x grid fields.
        levels: number of levels, each of half the resolution of the one before.

    Returns:
        (B, levels * grid ** 2).
    """
    x, found = pictures.clamp(-1, 1), []
    for _ in range(levels):
        coarse = F.avg_pool2d(x, 2)
        detail = x - F.interpolate(coarse, scale_factor=2, mode="bilinear")
        energy = F.adaptive_avg_pool2d(detail.square().sum(dim=1, keepdim=True), grid)
        found.append((energy + _LEAST_ENERGY).log().flatten(1))
        x = coarse
    return torch.cat(found, dim=1)


class Whitened:
    """Principal components of real pictures' features, each of variance 1, and how much of a picture they leave out.

    Args:
        features: of pictures, (B, 3, R, R) -> (B, d).
        real: real pictures, (n, 3, R, R).
        components: number of principal components; at most d, which leaves nothing out.

    Raises:
        UsageError: there are not more pictures, or fewer features, than components.
    """

    def __init__(self, features: Features, real: Tensor, components: int) -> None:
        self._features = features
        x = features(real).double()
        if not components < len(x) or components > x.shape[1]:
            raise UsageError(f"{len(x)} pictures with {x.shape[1]} features have no {components} components.")
        self._mean = x.mean(dim=0)
        self._axes, self._spread = _principal(x - self._mean, components)
        self._left_out: tuple[Tensor, Tensor] | None = None
        if components < x.shape[1]:
            rest = self._along(x)[1]
            self._left_out = rest.mean(), rest.std().clamp_min(1e-12)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Coordinates (B, components), or (B, components + 1) if these leave something out."""
        along, rest = self._along(self._features(pictures).double())
        coordinates = [along / self._spread]
        if self._left_out is not None:
            mean, spread = self._left_out
            coordinates.append((rest - mean) / spread)
        return torch.cat(coordinates, dim=1).float()

    def _along(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features along the components, (B, components), and the length of the rest, (B, 1)."""
        x = x - self._mean
        along = x @ self._axes
        return along, torch.linalg.vector_norm(x - along @ self._axes.T, dim=1, keepdim=True)


def _principal(x: Tensor, components: int) -> tuple[Tensor, Tensor]:
    """The principal axes (d, components) of centred features (n, d), and the standard deviations along them."""
    few = len(x) < x.shape[1]  # then the products of pictures are fewer than those of features
    energies, vectors = torch.linalg.eigh(x @ x.T if few else x.T @ x)
    energies, vectors = energies[-components:].clamp_min(1e-12), vectors[:, -components:]
    axes = x.T @ vectors / energies.sqrt() if few else vectors
    return axes, (energies / (len(x) - 1)).sqrt()


class Realism:
    """Distances of pictures to the :data:`NEIGHBOUR`-th nearest of real ones.

    Args:
        features: of pictures, (B, 3, R, R) -> (B, d).
        real: real pictures, (n, 3, R, R).
        others: other real pictures; their own distances are the scale.

    Attributes:
        features: as given.
        real: the real pictures' features, (n, d).
    """

    def __init__(self, features: Features, real: Tensor, others: Tensor) -> None:
        self.features, self.real = features, features(real)
        own = self._raw(features(others))
        self._typical, self._reach = own.median(), own.quantile(OWN_SHARE)

    def distances(self, pictures: Tensor) -> Tensor:
        """Distances (B,) of pictures, in units of the median distance of other real ones."""
        return self.distances_of(self.features(pictures))

    def distances_of(self, features: Tensor) -> Tensor:
        """:meth:`distances` of pictures whose features (B, d) are known."""
        return self._raw(features) / self._typical

    @property
    def reach(self) -> float:
        """The distance that :data:`OWN_SHARE` of other real pictures do not exceed, in the same units."""
        return float(self._reach / self._typical)

    def near(self, distances: Tensor) -> Tensor:
        """Whether :meth:`distances` are no greater than those of :data:`OWN_SHARE` of other real pictures, (B,)."""
        return distances * self._typical <= self._reach * (1 + 1e-6)

    def _raw(self, features: Tensor) -> Tensor:
        return torch.cdist(features, self.real).kthvalue(NEIGHBOUR, dim=1).values
