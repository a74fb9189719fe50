"""The chase: from a direction in W to one in Z, for a generator as a whole or for a given code."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from zplus_plugins.directions.direction import Direction, require_name
from zplus_plugins.directions.lengths import CODES as MOST
from zplus_plugins.directions.lengths import of_unit_strength, random_codes
from zplus_plugins.errors import DirectionError, UsageError
from zplus_plugins.generators import weights_hash
from zplus_plugins.hypersphere.chase import STEPS
from zplus_plugins.hypersphere.families import mapping_of
from zplus_plugins.hypersphere.geometry import logarithm
from zplus_plugins.hypersphere.moves import Path, along_style
from zplus_plugins.records.directions import arranged
from zplus_plugins.spaces.model import Model, Point

CODES = 64


def find_by_chase(model: Model, w: Tensor, name: str, codes: int = CODES, seed: int = 0) -> Direction:
    """A given direction in W, with the direction in Z that is closest to it.

    Random codes chase their own style codes plus w; the mean of their displacements on the hypersphere is the
    direction.

    Args:
        model: the generator's model.
        w: shape (w_dim,), (1, w_dim), (L, w_dim), (1, L, w_dim) or (1, L * w_dim); its length is unit strength.
        name: the name of the direction.
        codes: number of codes, up to :data:`~zplus_plugins.directions.lengths.CODES`.
        seed: seed of the codes.

    Raises:
        DirectionError: w has a wrong shape, is zero or not finite; the name is not a valid file name; or the number of
            codes is out of range.
    """
    require_name(name)
    if not 1 <= codes <= MOST:
        raise DirectionError(f"The number of codes is {codes}; expected 1 to {MOST}.")
    generator = model.generator
    layers, w_dim = generator.num_layers, generator.architecture.w_dim
    w = arranged(w, layers, w_dim, f"The direction {name}").to(generator.w_mean)
    sample = random_codes(generator, seed=seed)
    start = sample.z[:codes, None].expand(-1, len(w), -1)
    reached = along_style(mapping_of(generator), start, w, steps=STEPS).detach()
    displacements = logarithm(start, reached).mean(dim=0)
    still = torch.zeros_like(displacements[0])
    z = torch.stack(
        [
            of_unit_strength(generator, sample, displacement, row) if row.any() else still
            for displacement, row in zip(displacements, w, strict=True)
        ]
    )
    if len(w) == 1:
        w, z = w[0], z[0]
    return Direction(name, "chase", weights_hash(generator), w.cpu(), z.cpu(), None, {"codes": codes, "seed": seed})


class Pursuit:
    """An edit of codes on the hypersphere along a direction in W, as a function of strength.

    A single direction in Z for all codes would also change much that w does not, because the mapping network maps it to
    a different direction in W for each code. Each code therefore has its own
    :class:`~zplus_plugins.hypersphere.moves.Path`.

    Args:
        model: the model of the point.
        point: in Z or Z+, with F or without.
        w: direction, (w_dim,) or (L, w_dim), of unit strength; or one for each code, (B, 1 or L, w_dim).
        offset: a move in W that is added at every strength, of one of the same shapes; None for none.

    Raises:
        UsageError: the point's space has no codes on the hypersphere.
    """

    def __init__(self, model: Model, point: Point, w: Tensor, offset: Tensor | None = None) -> None:
        if point.space.kind != "z":
            raise UsageError(f"Codes in {point.space.title} are not on the hypersphere; only Z and Z+ can chase.")
        self._point, self._moves_at_zero = point, offset is not None
        self._layers, self._first = model.generator.num_layers, model.first_layer(point.space)
        z = point.code
        if z.shape[1] > 1:  # layers that F replaces do not move; their codes are arbitrary
            z = torch.cat([z[:, :1].expand(-1, self._first, -1), z], dim=1)
        away = None if offset is None else self._for_each_code(offset)
        self._path = Path(mapping_of(model.generator, model.truncation), z, self._for_each_code(w), away)

    def __call__(self, strength: float) -> Point:
        """The point at this strength, with F unchanged."""
        if strength == 0 and not self._moves_at_zero:
            return self._point
        return self._with(self._path(strength))

    def near(self, strength: float) -> Point:
        """A point near that at this strength, for which no waypoint is sought: see :meth:`Path.near`."""
        return self._with(self._path.near(strength))

    def missing(self, strength: float) -> list[int]:
        """The waypoints to be found, by a chase each, before the point at this strength is a mere interpolation."""
        return self._path.missing(strength) if strength or self._moves_at_zero else []

    def prepare(self, waypoint: int) -> None:
        """Find one of the :meth:`missing` waypoints."""
        self._path.waypoint(waypoint)

    @property
    def size(self) -> int:
        """Bytes of the waypoints that are kept."""
        code = self._point.code
        return self._path.found * max(1, self._layers) * code.shape[-1] * code.element_size()

    def _with(self, codes: Tensor) -> Point:
        return replace(self._point, code=codes[:, -self._point.code.shape[1] :])

    def _for_each_code(self, w: Tensor) -> Tensor:
        w = w.to(self._point.code)
        step = w.expand(*w.shape[:-2], self._layers, w.shape[-1])[..., self._first :, :]
        if self._point.code.shape[1] > 1:
            still = step.new_zeros(*step.shape[:-2], self._first, step.shape[-1])
            step = torch.cat([still, step], dim=-2)
        return step
