"""The encoder: a picture to the codes of all layers."""

from __future__ import annotations

import logging
from math import log2

from torch import Tensor, nn
from torch.nn import functional as F

from .base_module import BaseModule


class StyleGANEncoderNet(nn.Module):
    """Halves the picture until little is left of it."""

    def __init__(self, resolution: int, w_space_dim: int, channels: int) -> None:
        super().__init__()
        self.num_blocks = int(log2(resolution))
        self.num_layers = int(log2(resolution // 2)) * 2
        for i in range(self.num_blocks - 1):
            self.add_module(f"block{i}", Block(3 if i == 0 else channels, channels))
        self.add_module(f"block{self.num_blocks - 1}", LastBlock(channels * 16, self.num_layers * w_space_dim))

    def forward(self, x: Tensor) -> Tensor:
        for i in range(self.num_blocks):
            if 0 < i < self.num_blocks - 1:
                x = F.avg_pool2d(x, 2)
            x = getattr(self, f"block{i}")(x)
        return x


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x), 0.2)


class LastBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.fc(x.flatten(1))[:, :, None, None]).flatten(1)


class StyleGANEncoder(BaseModule):
    """The network by a model's name."""

    def __init__(self, model_name: str, logger: logging.Logger | None = None) -> None:
        self.gan_type = "stylegan"
        super().__init__(model_name, "encoder", logger)

    def build(self) -> None:
        self.w_space_dim = getattr(self, "w_space_dim", 512)
        channels = getattr(self, "encoder_channels_base", 16)
        self.net = StyleGANEncoderNet(self.resolution, self.w_space_dim, channels)
        self.encode_dim = [self.net.num_layers, self.w_space_dim]
