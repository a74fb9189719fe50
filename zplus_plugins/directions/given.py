"""Somebody else's direction in Z, such as a boundary of InterFaceGAN or a component of GANSpace."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.directions.direction import Direction, require_name
from zplus_plugins.directions.lengths import random_codes
from zplus_plugins.generators import StyleGenerator, weights_hash
from zplus_plugins.hypersphere.geometry import default_radius, geodesic
from zplus_plugins.records.directions import arranged
from zplus_plugins.spaces.model import Model

CODES = 1024
_STEP = 0.05  # radians, for the derivative


@torch.no_grad()
def find_from_z(model: Model, z: Tensor, name: str, codes: int = CODES, seed: int = 0) -> Direction:
    """A direction in Z, with the direction in W that it is on average.

    Codes follow z exactly, if they are told to (``--way global``). In W it is the mean derivative of random codes'
    style codes along the geodesics that z leads.

    Args:
        model: of the generator.
        z: shape (z_dim,), (1, z_dim), (N, z_dim), (1, N, z_dim) or (1, N * z_dim); its length is unit strength.
        name: of the direction.
        codes: of which the mean is taken.
        seed: of those.

    Raises:
        DirectionError: z has another shape, is zero or not finite; or the name does not do for a file.
    """
    require_name(name)
    generator = model.generator
    rows = arranged(z, generator.num_layers, generator.architecture.z_dim, f"The direction {name}").to(generator.w_mean)
    start = random_codes(generator, codes, seed).z
    w = torch.stack([_response(generator, start, row) for row in rows])
    if len(rows) == 1:
        rows, w = rows[0], w[0]
    return Direction(name, "given", weights_hash(generator), w.cpu(), rows.cpu(), None, {"codes": codes, "seed": seed})


def _response(generator: StyleGenerator, start: Tensor, z: Tensor) -> Tensor:
    length = float(z.norm())
    if length == 0:  # a layer that stays
        return generator.w_mean.new_zeros(generator.architecture.w_dim)
    time = _STEP * default_radius(len(z)) / length
    ends = [generator.mapping(geodesic(start, z, side * time)) for side in (1, -1)]
    response: Tensor = (ends[0] - ends[1]).mean(dim=0) / (2 * time)
    return response
