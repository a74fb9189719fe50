"""Random codes of a generator, and the scaling of directions to unit strength."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.generators import StyleGenerator
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.geometry import geodesic, retract

CODES = 16384
_AT_ONCE = 1024
_TRIED = 1024
_STEP = 0.05  # radians, for the derivative
_FURTHEST = math.pi / 8  # radians, of unit strength


@dataclass(frozen=True)
class Codes:
    """Random codes: z (B, z_dim) on the hypersphere, and the corresponding w (B, w_dim)."""

    z: Tensor
    w: Tensor


@torch.no_grad()
def random_codes(generator: StyleGenerator, n: int = CODES, seed: int = 0) -> Codes:
    """Codes from their own random stream; a seed gives the same codes on every device."""
    return codes_of(
        generator, retract(standard_normal(n, generator.architecture.z_dim, seed=seed)).to(generator.w_mean)
    )


@torch.no_grad()
def codes_of(generator: StyleGenerator, z: Tensor) -> Codes:
    """Codes (B, z_dim) on the hypersphere, with their style codes."""
    return Codes(z, torch.cat([generator.mapping(part) for part in torch.split(z, _AT_ONCE)]))


def spread_along(codes: Codes, axis: Tensor) -> Tensor:
    """Standard deviation of style codes along a unit vector (w_dim,)."""
    return (codes.w @ axis).std()


def regressed(codes: Codes, w: Tensor) -> Tensor:
    """The direction in Z that corresponds to w, by least squares as in GANSpace (arXiv 2004.02546)."""
    along = codes.w @ w
    return (along - along.mean()) @ codes.z


@torch.no_grad()
def of_unit_strength(generator: StyleGenerator, codes: Codes, z: Tensor, w: Tensor) -> Tensor:
    """A direction z (z_dim,), scaled to the arc that moves codes by w (w_dim,) along w, on average.

    This is to first order, and limited to a quarter of the arc to the equator, which directions that the mapping
    network suppresses would exceed.
    """
    start = codes.z[:_TRIED]
    heading = F.normalize(z, dim=0)
    radius = math.sqrt(len(z))
    ends = [generator.mapping(geodesic(start, heading, side * _STEP * radius)) @ w for side in (1, -1)]
    per_radian = float((ends[0] - ends[1]).mean() / (2 * _STEP * w.square().sum()))
    angle = 1 / per_radian if per_radian > 1 / _FURTHEST else _FURTHEST
    return heading * (radius * angle)
