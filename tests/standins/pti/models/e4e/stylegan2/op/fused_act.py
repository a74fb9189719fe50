"""Bias and leaky ReLU, on CUDA wherever the input is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FusedLeakyReLU(nn.Module):
    """A bias of its own, and the function."""

    def __init__(self, channel: int, negative_slope: float = 0.2, scale: float = 2**0.5) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channel))
        self.options = negative_slope, scale

    def forward(self, input: Tensor) -> Tensor:
        return fused_leaky_relu(input, self.bias, *self.options)


def fused_leaky_relu(input: Tensor, bias: Tensor, negative_slope: float = 0.2, scale: float = 2**0.5) -> Tensor:
    """Always along axis 1."""
    bias = bias.view(-1, *[1] * (input.ndim - 2))
    return scale * F.leaky_relu(input.cuda() + bias, negative_slope)
