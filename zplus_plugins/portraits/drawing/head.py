"""Positions on a turning head: an ellipsoid under orthographic projection, with the face on its front."""

from __future__ import annotations

from dataclasses import dataclass
from math import radians

import torch
from torch import Tensor

from zplus_plugins.portraits.drawing.attributes import column
from zplus_plugins.portraits.drawing.canvas import Canvas, Number, gradient

SKINS = ((1.0, 0.86, 0.77), (0.96, 0.77, 0.63), (0.84, 0.62, 0.46), (0.64, 0.43, 0.30), (0.42, 0.27, 0.19))
HAIRS = ((0.09, 0.075, 0.07), (0.26, 0.17, 0.11), (0.50, 0.34, 0.20), (0.85, 0.68, 0.40))
RED_HAIR = (0.66, 0.25, 0.10)
DEPTH = 0.47


@dataclass(frozen=True)
class Spot:
    """A position on the face: planes of coordinates around it, without the foreshortening of the face.

    Attributes:
        u: to the image's right.
        v: downwards.
        seen: from 0 if the position faces away to 1 if it faces the viewer; a number.
    """

    u: Tensor
    v: Tensor
    seen: Tensor


class Head:
    """The attributes of n portraits as numbers (n, 1, 1), and values derived from them for all layers.

    Attributes:
        x, y: planes, image coordinates in the frame of the head: without tilt and shift, with the head's centre at 0.
        a, b: half width and half height of the head.
        turn_x, turn_y: sines of yaw (to the right) and pitch (down).
        shift_x, shift_y: the shift of the portrait.
        light_x: the direction of the light, -1 to 1.
        chin_x: the position of the turned chin.
        skin, hair: colours (n, 3).
    """

    def __init__(self, attributes: Tensor, canvas: Canvas) -> None:
        self.attributes = attributes
        yaw, pitch, roll = (self.number(name) for name in ("yaw", "pitch", "roll"))
        self.turn_x, self.turn_y = torch.sin(radians(32) * yaw), -torch.sin(radians(16) * pitch)
        self.ahead_x, self.ahead_y = torch.cos(radians(32) * yaw), torch.cos(radians(16) * pitch)
        width = self.number("face_width")
        self.a, self.b = 0.455 * (1 + 0.11 * width), 0.60 * (1 - 0.05 * width)
        self.shift_x, self.shift_y = (canvas.reach * self.number(f"shift_{axis}") for axis in "xy")
        self.centre_y = -0.09 + self.shift_y
        self.light_x = self.number("light")
        self.chin_x = 0.16 * self.turn_x + self.shift_x
        angle = radians(8) * roll
        # The head tilts around the neck.
        x, y = canvas.x - self.shift_x, canvas.y - self.centre_y - 0.5
        self.x = torch.cos(angle) * x + torch.sin(angle) * y
        self.y = torch.cos(angle) * y - torch.sin(angle) * x + 0.5
        self.skin = gradient(column(attributes, "skin"), SKINS)
        self.hair = self._hair_colour()

    def number(self, name: str) -> Tensor:
        """An attribute as a number (n, 1, 1)."""
        return column(self.attributes, name)[:, None, None]

    def spot(self, x: Number, y: Number, out: float = 0) -> Spot:
        """A position on the face, given its coordinates when the head faces the viewer; ``out`` is its elevation."""
        x, y = x + torch.zeros_like(self.a), y + torch.zeros_like(self.a)
        depth = DEPTH * (1 - (x / self.a).square() - (y / self.b).square()).clamp_min(0.05).sqrt()
        ahead = (depth + out) * self.ahead_x - x * self.turn_x
        seen_x = x * self.ahead_x + (depth + out) * self.turn_x
        seen_y = y * self.ahead_y + ahead * self.turn_y
        # The rotated surface normal: its component towards the viewer is the apparent width.
        normal_x, normal_z = x / self.a.square(), depth / DEPTH**2
        facing = (normal_z * self.ahead_x - normal_x * self.turn_x) / torch.hypot(normal_x, normal_z)
        squeeze = facing.clamp(0.35, 1)
        return Spot((self.x - seen_x) / squeeze, self.y - seen_y, ((facing - 0.05) / 0.3).clamp(0, 1))

    def _hair_colour(self) -> Tensor:
        light, red, grey = (column(self.attributes, f"hair_{name}")[:, None] for name in ("light", "red", "grey"))
        own = gradient(light[:, 0], HAIRS)
        own = own.lerp(torch.tensor(RED_HAIR) * (0.35 + 0.9 * light), 0.75 * red * (0.25 + light).clamp(max=1))
        return own.lerp(torch.tensor((0.80, 0.80, 0.82)), grey)
