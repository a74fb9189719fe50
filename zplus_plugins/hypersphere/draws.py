"""Random numbers from a stream of their own, so that torch's global one runs on as if nobody had drawn."""

from __future__ import annotations

import torch
from torch import Tensor


def standard_normal(*shape: int, seed: int, dtype: torch.dtype | None = None) -> Tensor:
    """Normal numbers, such as codes z before :func:`~.geometry.retract` brings them onto the hypersphere.

    Args:
        shape: of the result, e.g. (N, z_dim).
        seed: of the stream.
        dtype: in which they are drawn; None for the default one.

    Returns:
        A tensor on the CPU, where a seed gives the same numbers whatever device they are for.
    """
    return torch.randn(*shape, generator=torch.Generator("cpu").manual_seed(seed), dtype=dtype, device="cpu")
