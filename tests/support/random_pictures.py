"""Images of random numbers, for metrics."""

from __future__ import annotations

import torch
from torch import Tensor


def pictures(seed: int, resolution: int = 16) -> Tensor:
    return torch.rand(3, 3, resolution, resolution, generator=torch.Generator().manual_seed(seed)) * 2 - 1
