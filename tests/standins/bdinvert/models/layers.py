"""Layers that both generators are built from."""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PixelNormLayer(nn.Module):
    """Scale every vector to a mean square of one."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class Dense(nn.Module):
    """An affine map whose stored weights are 1 / lr_mul times those that it applies."""

    def __init__(self, in_dim: int, out_dim: int, lr_mul: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_dim, in_dim) / lr_mul)
        self.bias = nn.Parameter(torch.zeros(out_dim))
        self.gain = lr_mul / sqrt(in_dim)
        self.bias_gain = lr_mul

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.gain, self.bias * self.bias_gain)


def check_styles(wp: Tensor, num_layers: int, w_space_dim: int) -> None:
    """Raise ValueError unless wp holds one style for each layer."""
    if wp.ndim != 3 or wp.shape[1:] != (num_layers, w_space_dim):
        raise ValueError(f"expected styles of shape (N, {num_layers}, {w_space_dim}), got {tuple(wp.shape)}")
