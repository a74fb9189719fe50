"""Resampling with a filter."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def upfirdn2d(input: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """Insert zeros, pad, convolve each channel with the kernel, drop samples: images (N, C, H, W)."""
    batch, channels, height, width = input.shape
    spread = input.new_zeros(batch * channels, 1, height * up, width * up)
    spread[..., ::up, ::up] = input.reshape(-1, 1, height, width)
    out = F.conv2d(F.pad(spread, (*pad, *pad)), kernel.flip(0, 1)[None, None], stride=down)
    return out.reshape(batch, channels, *out.shape[2:])
