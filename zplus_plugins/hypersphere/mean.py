"""Random style codes, and their mean w_avg, estimated from samples for generators that do not store it."""

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
    """The style codes of random codes.

    The codes are drawn on the CPU, from their own random stream, so that a seed gives the same codes on every device.

    Args:
        style: maps normally distributed z of shape (samples, z_dim), on the CPU, to style codes (samples, ...).
        z_dim: dimension of Z.
        samples: number of codes.
        seed: seed of the codes.
        dtype: dtype in which they are drawn; None for the default dtype.

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
    """The mean style code of random codes; takes the arguments of :func:`random_styles`.

    Returns:
        A tensor in the shape of a style code, such as (w_dim,) or (L, w_dim).
    """
    return random_styles(style, z_dim, samples=samples, seed=seed, dtype=dtype).mean(0)
