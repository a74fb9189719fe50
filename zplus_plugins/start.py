"""Where an inversion starts in Z or Z+.

Starts draw from a random stream of their own: the upstream's global stream, from which it takes
its synthesis noise, runs on as if nobody were here.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from zplus_plugins.chase import project
from zplus_plugins.latent import SphericalLatent
from zplus_plugins.mapping import StyleMapping

_MEAN_SAMPLES = 4096


def random_start(mapping: StyleMapping, codes: int, seed: int) -> SphericalLatent:
    """Codes drawn uniformly from the hypersphere, shape (1, codes, z_dim)."""
    device, dtype = mapping.device_and_dtype()
    stream = torch.Generator().manual_seed(seed)
    normal = torch.randn(codes, mapping.z_dim, generator=stream, dtype=dtype)
    return SphericalLatent.retracted(normal[None].to(device))


def mean_start(mapping: StyleMapping, codes: int, seed: int) -> SphericalLatent:
    """The codes whose styles are nearest to the mean style of 4,096 samples, shape (1, codes, z_dim).

    It is where upstreams start in W+ (their ``w_avg``), as near as the hypersphere comes.
    """
    device, dtype = mapping.device_and_dtype()
    stream = torch.Generator().manual_seed(seed)
    samples = SphericalLatent.random(_MEAN_SAMPLES, 1, mapping.z_dim, generator=stream, dtype=dtype, device=device)
    with torch.no_grad():
        target = mapping(samples).mean(0, keepdim=True)
    return project(mapping, target, codes=codes, seed=seed).latent


STARTS: dict[str, Callable[[StyleMapping, int, int], SphericalLatent]] = {
    "random": random_start,
    "mean": mean_start,
}
