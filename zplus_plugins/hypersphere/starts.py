"""Starting points of an inversion in Z or Z+.

They have their own random stream, so that the global stream, from which upstream draws its
synthesis noise, is not affected.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch
from torch import Tensor

from zplus_plugins.hypersphere.chase import project
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.finite import require_finite
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping, require_finite_styles
from zplus_plugins.hypersphere.mean import mean_style

_log = logging.getLogger("zplus_plugins")


def random_start(mapping: StyleMapping, codes: int, seed: int, leaf: Tensor) -> SphericalLatent:
    """Codes drawn uniformly from the hypersphere, shape (1, codes, z_dim)."""
    device, dtype = mapping.device_and_dtype()
    normal = standard_normal(1, codes, mapping.z_dim, seed=seed, dtype=dtype)
    return SphericalLatent.retracted(normal.to(device))


def mean_start(mapping: StyleMapping, codes: int, seed: int, leaf: Tensor) -> SphericalLatent:
    """The codes whose styles are nearest to the mean style, shape (1, codes, z_dim).

    This is the closest point on the hypersphere to ``w_avg``, at which upstreams without an encoder start in W+.
    """
    return project(mapping, _mean_style(mapping, seed), codes=codes, seed=seed).latent


def projected_start(mapping: StyleMapping, codes: int, seed: int, leaf: Tensor) -> SphericalLatent:
    """The codes whose styles are nearest to the leaf, such as an encoder's estimate, shape (B, codes, z_dim).

    Raises:
        LatentError: the leaf contains NaN or inf.
    """
    target = leaf.detach()
    require_finite(
        target,
        "the upstream's own start, such as its encoder's estimate",
        "Check the image and the encoder's checkpoint, or start elsewhere with --init random or --init mean.",
    )
    found = project(mapping, target, codes=codes, seed=seed)
    whole = float(torch.linalg.vector_norm(target - _mean_style(mapping, seed)))
    left = float(torch.linalg.vector_norm(found.distance))
    # An upstream that starts at its own mean style is closer to ours than any point on the hypersphere.
    share = (
        f"{100 * left / whole:.0f}% of its distance from the mean style"
        if whole > left
        else f"a distance of {left:.2g}"
    )
    _log.info("the upstream's own start was projected onto the hypersphere; %s is left.", share)
    return found.latent


def _mean_style(mapping: StyleMapping, seed: int) -> Tensor:
    """The mean style code, shape (1, L, w_dim).

    Raises:
        GeneratorError: it contains NaN or inf.
    """
    device, dtype = mapping.device_and_dtype()

    def style(z: Tensor) -> Tensor:
        return mapping(SphericalLatent.retracted(z[:, None].to(device)))

    mean = mean_style(style, mapping.z_dim, seed=seed, dtype=dtype)[None]
    require_finite_styles(mean, "the generator's mean style")
    return mean


STARTS: dict[str, Callable[[StyleMapping, int, int, Tensor], SphericalLatent]] = {
    "random": random_start,
    "mean": mean_start,
    "project": projected_start,
}
