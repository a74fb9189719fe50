"""Unsupervised directions: GANSpace and SeFa."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.directions.direction import Direction, Method
from zplus_plugins.directions.lengths import CODES, Codes, of_unit_strength, random_codes, regressed, spread_along
from zplus_plugins.errors import DirectionError
from zplus_plugins.generators import StyleGenerator, weights_hash
from zplus_plugins.spaces.alignment import of_codes
from zplus_plugins.spaces.model import Model
from zplus_plugins.system.device import in_float64


@torch.no_grad()
def find_ganspace(model: Model, components: int = 10, codes: int = CODES, seed: int = 0) -> list[Direction]:
    """GANSpace (arXiv 2004.02546): principal components of W, regressed to Z by least squares.

    Args:
        model: the generator's model.
        components: number of components, by decreasing variance.
        codes: number of random codes for the PCA.
        seed: seed of the codes.

    Raises:
        DirectionError: there are not that many components.
    """
    generator = model.generator
    _check(components, generator)
    sample = random_codes(generator, codes, seed)
    variances, axes = torch.linalg.eigh(in_float64(sample.w).T.cov())
    variances, axes = variances.flip(0), axes.flip(1).T.to(sample.w)
    shares = (variances / variances.sum()).tolist()
    about = {"codes": codes, "seed": seed}
    return [
        _direction(generator, sample, axes[k], "ganspace", k, about | {"share_of_variance": shares[k]})
        for k in range(components)
    ]


@torch.no_grad()
def find_sefa(
    model: Model, components: int = 10, layers: Sequence[int] | None = None, codes: int = CODES, seed: int = 0
) -> list[Direction]:
    """SeFa (arXiv 2007.06600): directions to which the affine layers respond most, in closed form.

    As in the authors' code, all style components have the same weight, and each code contributes the affine map of its
    own layer. The directions are in W; those in Z follow by least squares, as for GANSpace.

    Args:
        model: the generator's model.
        components: number of components, by decreasing strength.
        layers: indices of the codes whose layers are used, and which are moved; None for all.
        codes: number of random codes, from which unit strength and the direction in Z are computed.
        seed: seed of the codes.

    Raises:
        DirectionError: there are not that many components, or no such layers.
    """
    generator = model.generator
    _check(components, generator)
    chosen = range(generator.num_layers) if layers is None else sorted(set(layers))
    if not chosen or not 0 <= chosen[0] <= chosen[-1] < generator.num_layers:
        raise DirectionError(f"The layers are {list(chosen)}; expected some of 0 to {generator.num_layers - 1}.")
    maps = _affine_maps(generator)
    rows = in_float64(torch.cat([F.normalize(maps[layer], dim=1) for layer in chosen]))
    strengths, axes = torch.linalg.eigh(rows.T @ rows)
    strengths, axes = strengths.flip(0), axes.flip(1).T.to(generator.w_mean)
    sample = random_codes(generator, codes, seed)
    about = {"codes": codes, "seed": seed, "layers": list(chosen)}
    moving = None if layers is None else list(chosen)
    return [
        _direction(generator, sample, axes[k], "sefa", k, about | {"strength": float(strengths[k])}, moving)
        for k in range(components)
    ]


def _affine_maps(generator: StyleGenerator) -> list[Tensor]:
    """For each code, the matrix (styles, w_dim) of its layer's affine map."""
    basis = torch.eye(generator.architecture.w_dim).to(generator.w_mean)
    wide = basis[:, None].expand(-1, generator.num_layers, -1)
    origin = of_codes(generator, generator.styles(torch.zeros_like(wide[:1])))
    return [(moved - still).T for moved, still in zip(of_codes(generator, generator.styles(wide)), origin, strict=True)]


def _direction(
    generator: StyleGenerator,
    sample: Codes,
    axis: Tensor,
    method: Method,
    index: int,
    about: dict[str, object],
    layers: list[int] | None = None,
) -> Direction:
    """The index-th direction along a unit vector in W, whose arbitrary sign is fixed here."""
    axis = axis * axis[axis.abs().argmax()].sign()
    w = axis * spread_along(sample, axis)
    z = of_unit_strength(generator, sample, regressed(sample, w), w)
    if layers is not None:
        w, z = (_only(vector, layers, generator.num_layers) for vector in (w, z))
    return Direction(f"{method}-{index:02d}", method, weights_hash(generator), w.cpu(), z.cpu(), None, about)


def _only(vector: Tensor, layers: list[int], num_layers: int) -> Tensor:
    wide = vector.new_zeros(num_layers, len(vector))
    wide[layers] = vector
    return wide


def _check(components: int, generator: StyleGenerator) -> None:
    most = generator.architecture.w_dim
    if not 1 <= components <= most:
        raise DirectionError(f"The number of components is {components}; this generator has 1 to {most}.")
