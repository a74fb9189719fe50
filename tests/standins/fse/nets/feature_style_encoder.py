"""The encoder: a feature map, and the difference of each layer's style code from the mean."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from arcface.iresnet import *

STYLE_DIM = 16
CHANNELS = 8


class fs_encoder_v2(nn.Module):
    """Built of ArcFace's blocks."""

    def __init__(self, n_styles: int = 10, opts: Any = None, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        network = iresnet50()
        network.load_state_dict(torch.load(opts.arcface_model_path))
        parts = list(network.children())
        self.conv = nn.Sequential(*parts[:3])
        self.block_1, self.block_2, self.block_3, self.block_4 = parts[3:7]
        self.content_layer = nn.Conv2d(4, CHANNELS, kernel_size=3, stride=stride, padding=1, bias=False)
        self.avg_pool = nn.AdaptiveAvgPool2d((3, 3))
        self.styles = nn.ModuleList(nn.Linear(24 * 9, STYLE_DIM) for _ in range(n_styles))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (N, n_styles, STYLE_DIM), and F (N, CHANNELS, 16, 16) of pictures of 32 pixels."""
        features, x = [], self.conv(x)
        for block in (self.block_1, self.block_2, self.block_3, self.block_4):
            x = block(x)
            if block is self.block_2:
                content = self.content_layer(x)
            features.append(self.avg_pool(x))
        pooled = torch.cat(features, dim=1).flatten(1)
        return torch.stack([style(pooled) for style in self.styles], dim=1), content
