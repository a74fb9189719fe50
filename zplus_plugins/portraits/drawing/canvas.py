"""Smooth shapes on images, many images at a time.

Planes are tensors (n, R, R), with one value per pixel, for n images; numbers are (n, 1, 1). Both axes of an image range
from -reach to reach, x to the right and y downwards. A shape is a plane of signed distances, negative inside.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Number = Tensor | float


class Canvas:
    """n images, painted in layers from back to front; colours are red, green, blue in [0, 1]."""

    def __init__(self, n: int, resolution: int, reach: float) -> None:
        self.reach, self.pixel = reach, 2 * reach / resolution
        self._softness = reach / 32
        line = (torch.arange(resolution) + 0.5) * self.pixel - reach
        self.y, self.x = (plane.expand(n, -1, -1) for plane in torch.meshgrid(line, line, indexing="ij"))
        self.colours = torch.zeros(n, 3, resolution, resolution)

    def inside(self, distance: Tensor, softness: float = 1) -> Tensor:
        """How much of each pixel a shape covers, 0 to 1.

        Its edge is one pixel wide, or if softer, so many 64ths of the image, which is the same at every resolution.
        """
        edge = self.pixel if softness == 1 else self._softness * softness
        return (0.5 - distance / edge).clamp(0, 1)

    def paint(self, cover: Tensor, colour: Tensor | Sequence[float]) -> None:
        """Blend a colour, (n, 3), (n, 3, R, R) or three numbers, into the images; ``cover`` is a plane of opacities."""
        colour = torch.as_tensor(colour, dtype=torch.float32)
        while colour.ndim < 4:
            colour = colour[None] if colour.ndim == 1 else colour[..., None]
        self.colours.lerp_(colour.expand_as(self.colours), cover[:, None].expand_as(self.colours))

    def darken(self, amount: Tensor, tint: Sequence[float] = (0.75, 1, 1.05)) -> None:
        """Darken by the fraction ``amount``, a plane from 0 to 1; red is darkened less, as on skin."""
        self.colours *= 1 - (amount[:, None] * torch.tensor(tint, dtype=torch.float32)[None, :, None, None]).clamp(0, 1)


def ellipse(x: Tensor, y: Tensor, a: Number, b: Number) -> Tensor:
    """Distance from an ellipse around the origin with the semi-axes a and b, near its edge."""
    k = torch.sqrt((x / a).square() + (y / b).square() + 1e-8)
    slope = torch.sqrt((x / (a * a)).square() + (y / (b * b)).square() + 1e-8)
    return k * (k - 1) / slope


def rounded(x: Tensor, y: Tensor, a: Number, b: Number, power: Number) -> Tensor:
    """The same for a superellipse, ``|x / a|^power + |y / b|^power = 1``."""
    u, v = (x / a).abs().clamp_min(1e-4), (y / b).abs().clamp_min(1e-4)
    k = (u**power + v**power) ** (1 / power)
    slope = torch.sqrt((u ** (power - 1) / a).square() + (v ** (power - 1) / b).square()) * k ** (1 - power)
    return (k - 1) / slope.clamp_min(0.3)


def bump(x: Tensor, width: Number) -> Tensor:
    """A soft line: 1 where x is 0, falling off over ``width``."""
    return torch.exp(-(x / width).square().clamp_max(12))  # beyond, numbers are denormal, and ten times slower


def step(x: Tensor, start: float, end: float) -> Tensor:
    """A smooth step from 0 at ``start`` to 1 at ``end``."""
    t = ((x - start) / (end - start)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def gradient(position: Tensor, colours: Sequence[Sequence[float]]) -> Tensor:
    """Colours (n, 3) at positions (n,) from 0 to 1 on an evenly spaced scale of colours."""
    scale = torch.tensor(colours)
    place = position.clamp(0, 1) * (len(scale) - 1)
    below = place.floor().clamp(max=len(scale) - 2).long()
    return torch.lerp(scale[below], scale[below + 1], (place - below)[:, None])
