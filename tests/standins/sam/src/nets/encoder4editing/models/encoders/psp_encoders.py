"""From images to styles."""

from __future__ import annotations

import argparse

from torch import Tensor, nn

from models.stylegan2.model import EqualLinear

STYLE_DIM = 32


class BackboneEncoderUsingLastLayerIntoW(nn.Module):
    """One style for all layers."""

    def __init__(self, num_layers: int, mode: str, opts: argparse.Namespace) -> None:
        super().__init__()
        print("Using BackboneEncoderUsingLastLayerIntoW")
        self.input_layer = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.PReLU(8))
        self.body = nn.Sequential(nn.Conv2d(8, STYLE_DIM, 3, stride=2, padding=1), nn.PReLU(STYLE_DIM))
        self.output_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.linear = EqualLinear(STYLE_DIM, STYLE_DIM)
        self.style_count = 2 * opts.stylegan_size.bit_length() - 4

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) to styles (N, style_count, w_dim)."""
        features = self.output_pool(self.body(self.input_layer(x))).flatten(1)
        return self.linear(features)[:, None].repeat(1, self.style_count, 1)
