"""encoder4editing's package of custom operations in plain PyTorch, for oracle runs of SAM without CUDA.

The original compiles CUDA kernels as it is imported. ``sam_site`` serves this file in its place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def fused_leaky_relu(input: Tensor, bias: Tensor, negative_slope: float = 0.2, scale: float = 2**0.5) -> Tensor:
    """Bias over dimension 1, then a scaled leaky ReLU."""
    return scale * F.leaky_relu(input + bias.view(-1, *[1] * (input.ndim - 2)), negative_slope)


class FusedLeakyReLU(nn.Module):
    """The same with a bias of its own."""

    def __init__(self, channel: int, negative_slope: float = 0.2, scale: float = 2**0.5) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channel))
        self.negative_slope, self.scale = negative_slope, scale

    def forward(self, input: Tensor) -> Tensor:
        return fused_leaky_relu(input, self.bias, self.negative_slope, self.scale)


def upfirdn2d(input: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """Insert zeros, pad, filter each channel with the kernel (convolution, not correlation), drop samples."""
    batch, channels, height, width = input.shape
    spread = input.new_zeros(batch * channels, 1, height * up, width * up)
    spread[..., ::up, ::up] = input.reshape(-1, 1, height, width)
    filtered = F.conv2d(F.pad(spread, (*pad, *pad)), kernel.flip(0, 1)[None, None], stride=down)
    return filtered.reshape(batch, channels, *filtered.shape[2:])
