"""Moves of codes over the hypersphere: along a direction in Z, towards a style code, and along a path of waypoints.

A direction in Z is followed along a straight line or along its geodesic. If only a style code or a direction in W is
given, codes chase it (:mod:`zplus_plugins.hypersphere.chase`). Every move ends on the hypersphere (Eq. 1), and a move
of zero returns the code bit for bit.
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
LEASH = 50  # steps of the chase to a waypoint: with more, codes move far for little gain


def straight(z: SphericalLatent, direction: Tensor, distance: float) -> SphericalLatent:
    """The code at retract(z + distance * direction), the counterpart in Z of an upstream's move in W.

    Args:
        z: shape (..., z_dim).
        direction: in Z, of a shape that broadcasts to that of z.
        distance: in units of the direction.

    Raises:
        LatentError: the sum is zero or not finite.
    """
    if distance == 0:
        return z
    return SphericalLatent.retracted(z.detach() + distance * direction.to(z), radius=z.radius)


def along_geodesic(z: Tensor, direction: Tensor, distance: float) -> Tensor:
    """The code reached along a geodesic, which follows the part of the direction that is tangent at z.

    Args:
        z: on the hypersphere of radius sqrt(z_dim), shape (..., z_dim).
        direction: in Z, of a shape that broadcasts to that of z.
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
    """Codes whose style codes are as close to the targets as the hypersphere allows.

    Args:
        mapping: the generator's mapping from z to w.
        start: start of the codes, shape (B, L or 1, z_dim), or (1, ...) for the same start.
        base: style codes of the start, shape (B or 1, L, w_dim); the saved ones, if they were saved.
        target: target style codes, shape (B, L, w_dim).
        steps, lr: of the chase.

    Returns:
        The results of the chases; where the target equals ``base``, the start and ``base`` themselves, bit for bit.

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
    """Codes whose style codes are as close as possible to the current ones plus a step.

    Args:
        mapping: the generator's mapping from z to w.
        z: shape (B, L or 1, z_dim).
        step: in W, of a shape that broadcasts to (B, L, w_dim).
        steps, lr: of the chase.

    Raises:
        GeneratorError, LatentError: as :func:`~zplus_plugins.hypersphere.chase.chase`.
    """
    start = SphericalLatent.retracted(z)
    with torch.no_grad():
        base = mapping(start)
    return towards(mapping, start, base, base + step, steps=steps, lr=lr).latent


class Path:
    """The path of codes along a direction in W, as a function of strength.

    Waypoint k is the result of a chase from the codes to their style codes plus the offset and k times the step. The
    chase is short, so that codes do not move far for a small further gain. Geodesics connect the waypoints.

    Args:
        mapping: the generator's mapping from z to w.
        z: the codes at strength 0, shape (B, L or 1, z_dim).
        step: direction in W at strength 1, for each layer: (L, w_dim), or (B, L, w_dim) with an own one for each
            picture. A single code moves along the mean over layers, so that fewer layers are sufficient then.
        offset: a move in W, like the step, that is added to that of every strength; None for none.
    """

    def __init__(self, mapping: StyleMapping, z: Tensor, step: Tensor, offset: Tensor | None = None) -> None:
        self._mapping, self._start, self._step = mapping, z, step
        self._offset = torch.zeros_like(step) if offset is None else offset
        self._waypoints: dict[int, Tensor] = {} if bool(self._offset.any()) else {0: z}

    def __call__(self, strength: float) -> Tensor:
        """The codes at this strength, shape (B, L or 1, z_dim)."""
        side = 1 if strength > 0 else -1
        passed = int(abs(strength))
        code, left = self.waypoint(side * passed), abs(strength) - passed
        if left:
            code = along_geodesic(code, logarithm(code, self.waypoint(side * (passed + 1))), left)
        return code

    def missing(self, strength: float) -> list[int]:
        """The waypoints that this strength needs and that were not found yet, the nearest first."""
        side, passed = (1 if strength > 0 else -1), int(abs(strength))
        needed = [side * passed, *([side * (passed + 1)] if abs(strength) > passed else [])]
        return [k for k in needed if k not in self._waypoints]

    def near(self, strength: float) -> Tensor:
        """Codes near this strength, by the nearest waypoint on its side that was found; without one, the start.

        They lie on the geodesic from the start to that waypoint, or beyond it.
        """
        found = [k for k in self._waypoints if k * strength > 0]
        if not found:
            return self._start
        nearest = min(found, key=lambda k: abs(k - strength))
        return along_geodesic(self._start, logarithm(self._start, self._waypoints[nearest]), strength / nearest)

    @property
    def found(self) -> int:
        """How many waypoints are kept."""
        return len(self._waypoints)

    def waypoint(self, k: int) -> Tensor:
        """The codes at waypoint k, which are found when they are first needed, and kept."""
        if k not in self._waypoints:
            z, step = self._start, self._offset + k * self._step
            if z.shape[1] == 1:
                step = step.mean(dim=-2, keepdim=True)
            self._waypoints[k] = along_style(self._mapping, z, step, steps=LEASH, lr=LEASH_LR).detach()
        return self._waypoints[k]
