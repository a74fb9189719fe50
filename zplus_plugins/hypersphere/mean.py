"""The mean style: w_avg, estimated from samples where a generator's file does not keep it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SAMPLES = 4096


@torch.no_grad()
def mean_style(
    style: Callable[[Tensor], Tensor],
    z_dim: int,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """The mean over random codes of what they are mapped to.

    The codes are drawn on the CPU, from a stream of their own, so that a seed gives the same on every device.

    Args:
        style: maps normal z of shape (samples, z_dim), on the CPU, to style codes (samples, ...).
        z_dim: of the generator.
        samples: how many codes.
        seed: of them.
        dtype: in which they are drawn; None for the default one.

    Returns:
        A tensor of a style code's shape, such as (w_dim,) or (num_ws, w_dim).
    """
    z = torch.randn(samples, z_dim, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return style(z).mean(0)
