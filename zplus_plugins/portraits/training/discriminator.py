"""StyleGAN2's discriminator (Karras et al., 2020: arXiv 1912.04958): residual blocks, minibatch deviation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zplus_plugins.generators.network.layers import Dense
from zplus_plugins.ops import bias_act, setup_filter, upfirdn2d


class PlainConvolution(nn.Module):
    """A convolution with optional bias and activation; ``down`` first filters and halves the resolution."""

    taps: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: int, activation: str | None = "lrelu", down: bool = False
    ) -> None:
        super().__init__()
        self.activation, self.down = activation, down
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if activation else None
        self.register_buffer("taps", setup_filter([1, 3, 3, 1]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight / sqrt(self.weight[0].numel())).to(x.dtype)
        kernel = weight.shape[-1]
        if self.down:
            # A 1x1 kernel needs only every other filtered sample.
            x = upfirdn2d(x, self.taps, down=2 if kernel == 1 else 1, padding=(kernel + 1) // 2)
            x = F.conv2d(x, weight, stride=1 if kernel == 1 else 2)
        else:
            x = F.conv2d(x, weight, padding=kernel // 2)
        if self.bias is None or self.activation is None:
            return x
        return bias_act(x, self.bias.to(x.dtype), act=self.activation)


class ResidualBlock(nn.Module):
    """A residual block of two convolutions that halves the resolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = PlainConvolution(inputs, inputs, 3)
        self.down = PlainConvolution(inputs, outputs, 3, down=True)
        self.skip = PlainConvolution(inputs, outputs, 1, activation=None, down=True)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.down(self.conv(x)) + self.skip(x)
        return halved / sqrt(2)


class Discriminator(nn.Module):
    """From images (B, 3, R, R) to logits (B,), larger for real images.

    Args:
        channels: channels of the features at R, R/2, ..., 4.
        group: number of images over which the minibatch standard deviation is computed.
    """

    def __init__(self, channels: Sequence[int], group: int = 4) -> None:
        super().__init__()
        self.group = group
        self.from_rgb = PlainConvolution(3, channels[0], 1)
        self.blocks = nn.Sequential(*(ResidualBlock(*pair) for pair in pairwise(channels)))
        self.conv = PlainConvolution(channels[-1] + 1, channels[-1], 3)
        self.hidden = Dense(16 * channels[-1], channels[-1], "lrelu")
        self.logit = Dense(channels[-1], 1)

    def forward(self, pictures: Tensor, dtype: torch.dtype | None = None) -> Tensor:
        """Logits in the dtype of the parameters; the convolutions use ``dtype`` if given."""
        x = self.blocks(self.from_rgb(pictures.to(dtype or pictures.dtype)))
        x = self.conv(torch.cat([x, self._deviation(x)], dim=1)).to(pictures.dtype)
        logits: Tensor = self.logit(self.hidden(x.flatten(1)))
        return logits.squeeze(1)

    def _deviation(self, x: Tensor) -> Tensor:
        """Append the mean standard deviation within a group of images as a channel."""
        group = self.group if len(x) % self.group == 0 else len(x)
        parts = x.reshape(group, -1, *x.shape[1:]).float()
        deviation = (parts.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(1, 2, 3))
        return deviation.to(x.dtype).repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])
