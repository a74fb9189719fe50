"""From images to styles."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.stylegan2.model import STYLE_DIM, EqualLinear


class GradualStyleBlock(nn.Module):
    """Features to one style."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(8, STYLE_DIM, 3, stride=2, padding=1), nn.LeakyReLU())
        self.linear = EqualLinear(STYLE_DIM, STYLE_DIM)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.convs(x).mean((2, 3)))


class Encoder4Editing(nn.Module):
    """One style, and for every further layer what differs."""

    def __init__(self, num_layers: int, mode: str, opts: Any) -> None:
        super().__init__()
        self.progressive_stage = 0
        self.input_layer = nn.Sequential(nn.Conv2d(3, 8, 8, stride=8), nn.BatchNorm2d(8), nn.PReLU(8))
        self.styles = nn.ModuleList(GradualStyleBlock() for _ in range(opts.n_styles))

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, 256, 256) to styles (N, n_styles, w_dim)."""
        features = self.input_layer(x)
        first, *deltas = (style(features) for style in self.styles)
        return torch.stack([first, *(first + delta for delta in deltas)], dim=1)
