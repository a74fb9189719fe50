"""Moves of codes over the hypersphere: along a direction in Z, towards a style code, and along a path of waypoints.

A direction in Z is followed straight, or along its geodesic. Where only a style code is wanted, or a direction in W,
codes chase it (:mod:`zplus_plugins.hypersphere.chase`). However a code moves, it ends on the hypersphere (Eq. 1), and
a move of zero leaves its bits as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.hypersphere.chase import STEPS, Chase, chase
from zplus_plugins.hypersphere.geometry import geodesic, logarithm, retract
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping

LR = 0.1
LEASH_LR = 0.05
LEASH = 50  # steps of the chase to a waypoint: with more, codes go far for little


def straight(z: SphericalLatent, direction: Tensor, distance: float) -> SphericalLatent:
    """The code at retract(z + distance * direction), as an upstream's move in W would be in Z.

    Args:
        z: shape (..., z_dim).
        direction: in Z, of a shape that broadcasts to z's.
        distance: in units of the direction.

    Raises:
        LatentError: the sum is zero or not finite.
    """
    if distance == 0:
        return z
    return SphericalLatent.retracted(z.detach() + distance * direction.to(z), radius=z.radius)


def along_geodesic(z: Tensor, direction: Tensor, distance: float) -> Tensor:
    """The code that the geodesic along a direction reaches: what of the direction is tangent at z, is followed.

    Args:
        z: on the hypersphere of radius sqrt(z_dim), shape (..., z_dim).
        direction: in Z, of a shape that broadcasts to z's.
        distance: in units of the direction.
    """
    return z if distance == 0 else retract(geodesic(z, direction, distance))


def towards(
    mapping: StyleMapping,
    start: SphericalLatent,
    base: Tensor,
    target: Tensor,
    *,
    steps: int = STEPS,
    lr: float = LR,
) -> Chase:
    """Codes as near the wanted style codes as the hypersphere allows.

    Args:
        mapping: the generator's map from z to w.
        start: where the codes start, shape (N, num_ws or 1, z_dim), or (1, ...) for all the same.
        base: style codes of the start, shape (N or 1, num_ws, w_dim); as saved, if they were.
        target: wanted style codes, shape (N, num_ws, w_dim).
        steps, lr: of the chase.

    Returns:
        Where the chases arrived; the start and ``base`` itself, bit for bit, where that is the target.

    Raises:
        GeneratorError, LatentError: as :func:`~zplus_plugins.hypersphere.chase.chase`.
    """
    repeats = len(target) if len(start) == 1 else 1
    starts = SphericalLatent.unchecked(start.detach().repeat(repeats, 1, 1), False, start.radius)
    still = (target == base).all(-1).all(-1)
    if bool(still.all()):
        return Chase(starts, base.expand_as(target).clone(), target.new_zeros(len(target)))
    found = chase(mapping, starts, target, steps=steps, lr=lr)
    return Chase(found.latent, torch.where(still[:, None, None], base, found.w), found.distance)


def along_style(
    mapping: StyleMapping, z: Tensor, step: Tensor, *, steps: int = STEPS, lr: float = LR
) -> SphericalLatent:
    """Codes whose style codes are to lie a step further.

    Args:
        mapping: the generator's map from z to w.
        z: shape (N, num_ws or 1, z_dim).
        step: in W, of a shape that broadcasts to (N, num_ws, w_dim).
        steps, lr: of the chase.

    Raises:
        GeneratorError, LatentError: as :func:`~zplus_plugins.hypersphere.chase.chase`.
    """
    start = SphericalLatent.retracted(z)
    with torch.no_grad():
        base = mapping(start)
    return towards(mapping, start, base, base + step, steps=steps, lr=lr).latent


class Path:
    """The path of codes along a direction in W, for every strength.

    The waypoint k is reached from the codes by a chase of the style codes that lie k times the step further, on a short
    leash: it goes where the nearest way leads, not where it would come nearest. Geodesics join the waypoints.

    Args:
        mapping: the generator's map from z to w.
        z: where the path is at strength 0, shape (N, num_ws or 1, z_dim).
        step: direction in W of strength 1, of each layer: (num_ws, w_dim). A single code moves along their mean; then
            those of fewer layers will do.
    """

    def __init__(self, mapping: StyleMapping, z: Tensor, step: Tensor) -> None:
        self._mapping, self._step = mapping, step
        self._waypoints = {0: z}

    def __call__(self, strength: float) -> Tensor:
        """The codes moved so far, shape (N, num_ws or 1, z_dim)."""
        side = 1 if strength > 0 else -1
        passed = int(abs(strength))
        code, left = self._waypoint(side * passed), abs(strength) - passed
        if left:
            code = along_geodesic(code, logarithm(code, self._waypoint(side * (passed + 1))), left)
        return code

    def _waypoint(self, k: int) -> Tensor:
        if k not in self._waypoints:
            z, step = self._waypoints[0], k * self._step
            if z.shape[1] == 1:
                step = step.mean(dim=0)
            self._waypoints[k] = along_style(self._mapping, z, step, steps=LEASH, lr=LEASH_LR).detach()
        return self._waypoints[k]
