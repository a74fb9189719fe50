"""Geometry of the hypersphere of Z, with the names of the manifold literature.

All functions act on the last axis and broadcast over the others. The default ``radius`` is
``sqrt(dim)``, the length around which standard normal vectors of that dimension concentrate.
Sources: arXiv 2307.08995 (Eq. 1: the retraction); Absil, Mahony and Sepulchre, *Optimization
Algorithms on Matrix Manifolds* (tangent space, exponential map, transport).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zplus_plugins.errors import LatentError

_HALF_TYPES = (torch.float16, torch.bfloat16)


def default_radius(dim: int) -> float:
    """Radius of the hypersphere for codes of ``dim`` components: ``sqrt(dim)``."""
    return math.sqrt(dim)


def retract(z: Tensor, radius: float | None = None) -> Tensor:
    """Eq. 1: the nearest point on the hypersphere, ``radius * z / |z|``.

    Args:
        z: shape (..., dim). Half types are normalised in float32.
        radius: of the hypersphere; ``sqrt(dim)`` if None.

    Returns:
        A tensor of the same shape, dtype and device. A zero vector has no nearest point and
        becomes NaN; this is not checked, to avoid synchronising with the device.
    """
    wide = z.float() if z.dtype in _HALF_TYPES else z
    return (wide * _factor(wide, radius)).to(z.dtype)


def retract_(z: Tensor, radius: float | None = None) -> Tensor:
    """:func:`retract` in place, bit for bit the same, without a copy of z."""
    return z.copy_(retract(z, radius)) if z.dtype in _HALF_TYPES else z.mul_(_factor(z, radius))


def tangent(z: Tensor, v: Tensor) -> Tensor:
    """Orthogonal projection of ``v`` onto the tangent space at ``z`` (both (..., dim))."""
    return v - _dot(v, z) / _dot(z, z) * z


def geodesic(z: Tensor, v: Tensor, t: float = 1.0) -> Tensor:
    """Exponential map: the point reached from ``z`` along ``v`` after time ``t``.

    Args:
        z: point on the hypersphere, shape (..., dim).
        v: velocity, shape (..., dim), of which only the tangent part is used. Its length is the arc
            length travelled per unit of time, so a length of ``pi * |z|`` leads to the antipode.
        t: time; negative values move in the opposite direction, 0 returns ``z`` itself.
    """
    velocity = tangent(z, v) * t
    radius = _dot(z, z).sqrt()
    length = _dot(velocity, velocity).sqrt()
    angle = length / radius
    heading = torch.where(length > 0, velocity / length.clamp_min(torch.finfo(z.dtype).tiny), velocity)
    return torch.cos(angle) * z + radius * torch.sin(angle) * heading


def logarithm(z: Tensor, to: Tensor) -> Tensor:
    """Logarithmic map: the velocity at ``z`` with which the geodesic reaches ``to`` after time 1.

    Zero for equal points, and for antipodes, which have no unique shortest geodesic.
    """
    toward = tangent(z, to)
    sine = torch.linalg.vector_norm(toward, dim=-1, keepdim=True)
    radius = _dot(z, z).sqrt()
    angle = torch.atan2(sine, _dot(z, to) / radius)
    heading = torch.where(sine > 0, toward / sine.clamp_min(torch.finfo(z.dtype).tiny), toward)
    return angle * radius * heading


def transport(z: Tensor, v: Tensor, to: Tensor) -> Tensor:
    """Parallel transport of the tangent vector ``v`` from ``z`` to ``to`` along their geodesic.

    Raises:
        LatentError: ``to`` is the antipode of ``z``, to which there is no unique shortest geodesic.
    """
    radius_squared = _dot(z, z)
    closeness = radius_squared + _dot(z, to)
    if bool((closeness <= 1e-6 * radius_squared).any()):
        raise LatentError(
            "Cannot transport a vector between antipodes: they have no unique shortest geodesic. Use two moves."
        )
    return v - _dot(to, v) / closeness * (z + to)


def norms(z: Tensor) -> Tensor:
    """Norm of every code, shape (...), computed in float64 where the device supports it.

    A measurement of the error of z must not add a rounding error of its own.
    """
    wide = torch.float32 if z.device.type == "mps" else torch.float64
    norms: Tensor = torch.linalg.vector_norm(z.detach(), dim=-1, dtype=wide)
    return norms


def sphere_error(z: Tensor, radius: float | None = None) -> Tensor:
    """Largest ``| |z_i| - radius |`` over all codes: a scalar on z's device, without synchronising."""
    radius = default_radius(z.shape[-1]) if radius is None else radius
    return (norms(z) - radius).abs().amax()


def _factor(z: Tensor, radius: float | None) -> Tensor:
    """Of every code, to the hypersphere."""
    norm: Tensor = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
    return (default_radius(z.shape[-1]) if radius is None else radius) / norm


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product over the last axis, which is kept with length 1."""
    return (a * b).sum(-1, keepdim=True)
