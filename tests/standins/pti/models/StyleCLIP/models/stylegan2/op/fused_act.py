"""Bias and leaky ReLU, on CUDA wherever the input is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def fused_leaky_relu(input: Tensor, bias: Tensor, negative_slope: float = 0.2, scale: float = 2**0.5) -> Tensor:
    """Along axis 1, but along the last of three: codes of all layers come so."""
    along = (-1,) if input.ndim == 3 else (-1, *[1] * (input.ndim - 2))
    return scale * F.leaky_relu(input.cuda() + bias.view(along), negative_slope)


class FusedLeakyReLU(nn.Module):
    """The function with a bias to learn."""

    def __init__(self, channel: int, negative_slope: float = 0.2, scale: float = 2**0.5) -> None:
        super().__init__()
        self.bias, self.slope, self.scale = nn.Parameter(torch.zeros(channel)), negative_slope, scale

    def forward(self, input: Tensor) -> Tensor:
        return fused_leaky_relu(input, self.bias, self.slope, self.scale)
