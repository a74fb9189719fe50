"""The chase: from any direction in W to one in Z, for a generator as a whole or from a given code on."""

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
from zplus_plugins.hypersphere.geometry import logarithm
from zplus_plugins.hypersphere.mapping import mapping_of
from zplus_plugins.hypersphere.moves import Path, along_style
from zplus_plugins.records.directions import arranged
from zplus_plugins.spaces.model import Model, Point

CODES = 64


def find_by_chase(model: Model, w: Tensor, name: str, codes: int = CODES, seed: int = 0) -> Direction:
    """A direction in W, such as somebody else's, with the direction in Z that is most like it.

    Random codes chase the style codes that lie w further; their mean way on the hypersphere is the direction.

    Args:
        model: of the generator.
        w: shape (w_dim,), (1, w_dim), (N, w_dim), (1, N, w_dim) or (1, N * w_dim); its length is unit strength.
        name: of the direction.
        codes: that chase, up to :data:`~zplus_plugins.directions.lengths.CODES`.
        seed: of those.

    Raises:
        DirectionError: w has another shape, is zero or not finite; the name does not do for a file; or there are no
            codes, or too many.
    """
    require_name(name)
    if not 1 <= codes <= MOST:
        raise DirectionError(f"{codes} codes are to chase; expected 1 to {MOST}.")
    generator = model.generator
    layers, w_dim = generator.num_layers, generator.architecture.w_dim
    w = arranged(w, layers, w_dim, f"The direction {name}").to(generator.const)
    sample = random_codes(generator, seed=seed)
    start = sample.z[:codes, None].expand(-1, len(w), -1)
    reached = along_style(mapping_of(generator), start, w, steps=STEPS).detach()
    ways = logarithm(start, reached).mean(dim=0)
    still = torch.zeros_like(ways[0])
    z = torch.stack(
        [
            of_unit_strength(generator, sample, way, row) if row.any() else still
            for way, row in zip(ways, w, strict=True)
        ]
    )
    if len(w) == 1:
        w, z = w[0], z[0]
    return Direction(name, "chase", weights_hash(generator), w.cpu(), z.cpu(), None, {"codes": codes, "seed": seed})


class Pursuit:
    """The way of codes on the hypersphere along a direction in W, for every strength: an edit.

    A direction in Z that is the same for all codes changes much beside what w changes, because the mapping network
    turns it about differently from code to code. So each code has a way of its own, a
    :class:`~zplus_plugins.hypersphere.moves.Path`.

    Args:
        model: of the point.
        point: in Z or Z+, with F or without.
        w: direction, (w_dim,) or (N, w_dim), of unit strength.

    Raises:
        UsageError: the point's space has no codes on the hypersphere.
    """

    def __init__(self, model: Model, point: Point, w: Tensor) -> None:
        if point.space.kind != "z":
            raise UsageError(f"Codes in {point.space.title} are not on the hypersphere; only those of Z and Z+ chase.")
        self._point = point
        first, z = model.first_layer(point.space), point.code
        step = w.to(z).expand(model.generator.num_layers, -1)[first:]
        if z.shape[1] > 1:  # the layers that F replaces stay where they are, wherever that is
            z = torch.cat([z[:, :1].expand(-1, first, -1), z], dim=1)
            step = torch.cat([step.new_zeros(first, step.shape[1]), step])
        self._path = Path(mapping_of(model.generator, model.truncation), z, step)

    def __call__(self, strength: float) -> Point:
        """The point moved so far; F stays."""
        if strength == 0:
            return self._point
        return replace(self._point, code=self._path(strength)[:, -self._point.code.shape[1] :])
