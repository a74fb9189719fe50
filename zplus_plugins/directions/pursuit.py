"""The direction in Z of any direction in W, by the chase."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.chase import chase
from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.lengths import of_unit_strength, random_codes
from zplus_plugins.errors import DirectionError
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion.model import Model
from zplus_plugins.latent import SphericalLatent
from zplus_plugins.mapping import mapping_of
from zplus_plugins.sphere import tangent

CODES = 64


def find_by_chase(model: Model, w: Tensor, name: str, codes: int = CODES, seed: int = 0) -> Direction:
    """A direction in W, such as somebody else's, with the direction in Z that is most like it.

    Random codes chase the style codes that lie w further; their mean way on the hypersphere is the direction.

    Args:
        model: of the generator.
        w: shape (w_dim,), (1, w_dim), (N, w_dim) or (1, N, w_dim); its length is unit strength.
        name: of the direction.
        codes: that chase.
        seed: of those.

    Raises:
        DirectionError: w has another shape, is zero or not finite.
    """
    generator = model.generator
    layers, w_dim = generator.num_layers, generator.architecture.w_dim
    if tuple(w.shape) not in {(w_dim,), (1, w_dim), (layers, w_dim), (1, layers, w_dim)}:
        raise DirectionError(
            f"The direction {name} has the shape {tuple(w.shape)}; expected ({w_dim},), (1, {w_dim}), "
            f"({layers}, {w_dim}) or (1, {layers}, {w_dim})."
        )
    w = w.detach().reshape(-1, w_dim)
    if not bool(torch.isfinite(w).all()) or not bool(w.any()):
        raise DirectionError(f"The direction {name} is zero, or contains NaN or inf; it leads nowhere.")
    w = w.to(generator.const)
    sample = random_codes(generator, seed=seed)
    ways = _ways(model, sample.z[:codes], w)
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


def _ways(model: Model, z: Tensor, w: Tensor) -> Tensor:
    """Mean way of z (n, z_dim) towards map(z) + w, for each row of w: (rows, z_dim)."""
    mapping = mapping_of(model.generator)
    start = SphericalLatent(z[:, None].expand(-1, len(w), -1).contiguous())
    with torch.no_grad():
        target = mapping(start) + w
    found = chase(mapping, start, target).latent.detach()
    begin = start.detach()
    heading = F.normalize(tangent(begin, found), dim=-1)
    cosines = F.cosine_similarity(begin, found, dim=-1).clamp(-1, 1)
    return (heading * cosines.acos()[..., None]).mean(dim=0)
