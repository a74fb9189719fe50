"""Style codes of random codes; and their mean, w_avg, where a generator's file does not keep it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zplus_plugins.hypersphere.draws import standard_normal

SAMPLES = 4096


@torch.no_grad()
def random_styles(
    style: Callable[[Tensor], Tensor],
    z_dim: int,
    *,
    samples: int,
    seed: int = 0,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """What random codes are mapped to.

    The codes are drawn on the CPU, from a stream of their own, so that a seed gives the same on every device.

    Args:
        style: maps normal z of shape (samples, z_dim), on the CPU, to style codes (samples, ...).
        z_dim: of the generator.
        samples: how many codes.
        seed: of them.
        dtype: in which they are drawn; None for the default one.

    Returns:
        The style codes, (samples, ...).
    """
    return style(standard_normal(samples, z_dim, seed=seed, dtype=dtype))


def mean_style(
    style: Callable[[Tensor], Tensor],
    z_dim: int,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The mean of :func:`random_styles`, whose arguments it takes.

    Returns:
        A tensor of a style code's shape, such as (w_dim,) or (num_ws, w_dim).
    """
    return random_styles(style, z_dim, samples=samples, seed=seed, dtype=dtype).mean(0)
