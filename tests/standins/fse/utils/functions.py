"""What the scripts do with pictures."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def clip_img(x: Tensor) -> list[Tensor]:
    """The first picture of a batch, from [-1, 1] to [0, 1]."""
    return [(x[0] / 2 + 0.5).clamp(0, 1).detach().cpu()]


def downscale(x: Tensor, scale_times: int = 1, mode: str = "bilinear") -> Tensor:
    """Halve the size so many times."""
    for _ in range(scale_times):
        x = F.interpolate(x, scale_factor=0.5, mode=mode)
    return x
