"""Portraits drawn from their attributes: shaded shapes on a turning head, many at a time."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from zplus_plugins.errors import UsageError
from zplus_plugins.portraits.drawing import face, hair
from zplus_plugins.portraits.drawing.attributes import ATTRIBUTES
from zplus_plugins.portraits.drawing.canvas import Canvas, ellipse, rounded, step
from zplus_plugins.portraits.drawing.head import Head

RESOLUTION = 64
REACH = 0.86  # half width of the image, in the units of the drawing; a smaller value is closer to the face
SIZES = (16, 4096)
"""The smallest and the largest resolution."""

_AT_ONCE = 16  # size that fits into the caches, at 64 px


@torch.no_grad()
def draw(attributes: Tensor, resolution: int = RESOLUTION) -> Tensor:
    """Draw portraits (n, 3, R, R) in [-1, 1]; the same attributes and the same resolution give the same pixels.

    Args:
        attributes: (n, A).
        resolution: R, 64 as in the networks' training, or another; the same portraits, with sharper edges if larger.

    Raises:
        UsageError: the number of columns is not that of the attributes, a value is not finite, or the resolution is out
            of range.
    """
    if attributes.ndim != 2 or attributes.shape[1] != len(ATTRIBUTES) or not attributes.isfinite().all():
        raise UsageError(
            f"Attributes of shape {tuple(attributes.shape)}; expected finite ones of shape (n, {len(ATTRIBUTES)})."
        )
    if not SIZES[0] <= resolution <= SIZES[1]:
        raise UsageError(f"The resolution of portraits is {resolution}; expected {SIZES[0]} to {SIZES[1]} pixels.")
    at_once = max(1, _AT_ONCE * RESOLUTION**2 // resolution**2)
    pictures = [_draw(part, resolution) for part in torch.split(attributes.float(), at_once)]
    return torch.cat(pictures) if pictures else torch.zeros(0, 3, resolution, resolution)


def _draw(attributes: Tensor, resolution: int) -> Tensor:
    canvas = Canvas(len(attributes), resolution, REACH)
    head = Head(attributes, canvas)
    _background(canvas, head)
    hair.behind(canvas, head)
    _body(canvas, head)
    face.skin(canvas, head)
    face.lines(canvas, head)
    face.nose(canvas, head)
    face.mouth(canvas, head)
    face.eyes(canvas, head)
    hair.front(canvas, head)
    face.brows(canvas, head)
    face.glasses(canvas, head)
    return _turned(canvas.colours, head.number("hue")).clamp(0, 1) * 2 - 1


def _background(canvas: Canvas, head: Head) -> None:
    """A wall that is brighter on the side of the light."""
    red, yellow = head.number("background_red"), head.number("background_yellow")
    light = 0.32 + 0.50 * head.number("background_light")
    glow = 0.13 * (head.light_x * canvas.x - 0.6 * canvas.y - 0.5 * (canvas.x.square() + canvas.y.square()))
    channels = (0.12 * red + 0.07 * yellow, -0.08 * red + 0.04 * yellow, -0.16 * yellow)
    canvas.colours[:] = torch.stack([light + channel + glow for channel in channels], dim=1)


def _body(canvas: Canvas, head: Head) -> None:
    """Shoulders, and the neck with the shadow of the chin. They stay where they are when the head turns."""
    x, y = canvas.x - head.shift_x, canvas.y - head.shift_y
    red, yellow = head.number("clothes_red"), head.number("clothes_yellow")
    shade = 0.42 + 0.22 * head.light_x * x - 0.20 * step(x.abs(), 0.3, 1.0) - 0.12 * step(y, 0.6, 0.9)
    clothes = torch.stack(
        [shade + 0.22 * red + 0.06 * yellow, shade - 0.14 * red + 0.06 * yellow, shade - 0.24 * yellow], dim=1
    )
    canvas.paint(canvas.inside(rounded(x, y - 1.06, 0.84, 0.46, 2.6)), clothes.clamp(0.03, 1))
    neck = rounded(x - 0.12 * head.turn_x, y - 0.50, 0.21 + 0.03 * head.number("jaw"), 0.36, 3)
    side = 0.80 + 0.25 * head.light_x * x / 0.25
    neck = torch.where(y < 0.62, neck, torch.maximum(neck, ellipse(x, y - 0.62, 0.26, 0.20)))
    canvas.paint(canvas.inside(neck), head.skin[..., None, None] * side.clamp(0.5, 1.1)[:, None])
    collar = ellipse(x, y - 0.62, 0.26, 0.20).abs() - 0.035
    canvas.paint(canvas.inside(collar) * (y > 0.66), (clothes * 0.72).clamp(0.02, 1))
    chin = ellipse(x - head.chin_x, y - head.centre_y - 0.22, head.a * 0.95, head.b)
    canvas.darken(0.42 * canvas.inside(chin, 9) * canvas.inside(neck))


def _turned(colours: Tensor, turn: Tensor) -> Tensor:
    """Colours rotated around the grey axis (Rodrigues' formula)."""
    angle = 2 * pi * turn[:, None]
    grey = colours.mean(dim=1, keepdim=True)
    across = (colours.roll(1, dims=1) - colours.roll(-1, dims=1)) / 3**0.5
    turned = grey + (colours - grey) * torch.cos(angle) + across * torch.sin(angle)
    return torch.where(turn[:, None] == 0, colours, turned)
