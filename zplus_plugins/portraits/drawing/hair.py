"""Hair: what hangs behind the head, and what lies on it."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.portraits.drawing.canvas import Canvas, bump, ellipse, rounded, step
from zplus_plugins.portraits.drawing.head import Head


def behind(canvas: Canvas, head: Head) -> None:
    """The hair that falls behind face and neck, as far down as it is long."""
    length, volume = head.number("hair_length"), head.number("hair_volume")
    end = -0.02 + 0.98 * length  # where it ends, below the head's centre
    top = -head.b - 0.02 - 0.10 * volume
    x, y = head.x + 0.10 * head.turn_x, head.y - (end + top) / 2
    half_width = head.a * (0.92 + 0.10 * length) + 0.03 + 0.09 * volume + 0.04 * length * step(head.y, -0.2, 0.7)
    distance = rounded(x, y, half_width, (end - top) / 2, 2.4 + 0.8 * length) + _curls(head, 0.022)
    shade = 0.72 + 0.22 * head.light_x * x - 0.18 * step(head.y, 0.0, 0.9)
    canvas.paint(canvas.inside(distance), _coloured(head, shade + _strands(head, 0.07)))


def front(canvas: Canvas, head: Head) -> None:
    """The hair on the skull, with hairline, parting and fringe, down to the ears or along the cheeks."""
    length, volume, fringe = (head.number(f"hair_{name}") for name in ("length", "volume", "fringe"))
    parting = head.number("hair_parting")
    skull = ellipse(
        head.x + 0.05 * head.turn_x,
        head.y + 0.03 + 0.03 * volume,
        head.a + 0.035 + 0.06 * volume,
        head.b + 0.035 + 0.07 * volume,
    )
    # The face looks out of an opening; it moves with the face, and is higher at the parting.
    x = head.x - 0.30 * head.turn_x
    y = head.y - 0.30 * head.turn_y
    highest = -0.40 * head.b / 0.6 + 0.26 * fringe - 0.06 * (1 - fringe)
    slope = (x - 0.26 * parting).abs() - 0.15
    hairline = highest - 0.05 + 0.34 * slope.clamp_min(-0.15) * (1 - 0.65 * fringe) + 0.02 * fringe * torch.sin(26 * x)
    sides = head.a * (0.90 - 0.10 * step(length, 0.35, 0.9) * step(y, -0.5, 0.2)) - x.abs()
    covered = torch.maximum(hairline - y, -sides)
    lowest = -0.06 + 0.80 * step(length, 0.2, 1.0) + 0.7 * (-sides).clamp(0, 0.15)  # lower towards the neck
    distance = torch.maximum(torch.maximum(skull + _curls(head, 0.016), -covered), (y - lowest) * 0.8)
    ring = bump(head.y + 0.42 + 0.5 * (head.x - 0.25 * head.light_x).square(), 0.10)  # light on the crown
    shade = 0.86 + 0.25 * head.light_x * head.x + 0.30 * ring * (1 - 0.5 * head.number("hair_curl"))
    shade = shade - 0.22 * bump(x - 0.26 * parting, 0.035) * step(-y, 0.35, 0.5)  # the parting's shadow
    cover = canvas.inside(distance)
    shadow = canvas.inside(distance - 0.05, 6) * (1 - cover) * canvas.inside(ellipse(head.x, head.y, head.a, head.b))
    canvas.darken(0.30 * shadow)
    canvas.paint(cover, _coloured(head, shade + _strands(head, 0.09)))


def _curls(head: Head, height: float) -> Tensor:
    """Waves along an outline around the head."""
    around = torch.atan2(head.x, -head.y)
    return -height * head.number("hair_curl") * (torch.sin(17 * around) + 0.5 * torch.sin(29 * around + 1))


def _strands(head: Head, contrast: float) -> Tensor:
    """Fine light and dark strands; they part where the hair does."""
    across = (head.x - 0.26 * head.number("hair_parting")) / (0.55 + 0.5 * (head.y + 0.6).clamp_min(0))
    wave = 0.8 * head.number("hair_curl") * torch.sin(16 * head.y)
    return contrast * torch.sin(24 * across + 2 * wave)


def _coloured(head: Head, shade: Tensor) -> Tensor:
    lit = head.hair[..., None, None] * shade.clamp(0.3, 1.5)[:, None]
    return (lit + 0.10 * (shade - 0.95).clamp_min(0)[:, None]).clamp(0, 1)
