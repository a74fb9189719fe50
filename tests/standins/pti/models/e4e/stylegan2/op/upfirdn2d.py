"""Resampling with a filter, one channel at a time."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def upfirdn2d(input: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """Insert zeros, pad, convolve, drop samples."""
    batch, channels, height, width = input.shape
    spread = input.new_zeros(batch * channels, 1, up * height, up * width)
    spread[..., ::up, ::up] = input.reshape(batch * channels, 1, height, width)
    filtered = F.conv2d(F.pad(spread, (*pad, *pad)), kernel.flip(0, 1)[None, None])[..., ::down, ::down]
    return filtered.view(batch, channels, *filtered.shape[2:])
