"""Bias and leaky ReLU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FusedLeakyReLU(nn.Module):
    """With a bias of its own."""

    def __init__(self, channel: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channel))

    def forward(self, input: Tensor) -> Tensor:
        return fused_leaky_relu(input, self.bias)


def fused_leaky_relu(input: Tensor, bias: Tensor, negative_slope: float = 0.2, scale: float = 2**0.5) -> Tensor:
    """Bias over dimension 1, then a scaled leaky ReLU."""
    return scale * F.leaky_relu(input.cuda() + bias.reshape(1, -1, *[1] * (input.ndim - 2)), negative_slope)
