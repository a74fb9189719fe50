"""The layers of StyleGAN2 (Karras et al., 2020: arXiv 1912.04958, 2006.06676).

Weights are stored with unit variance and scaled at run time, so that all have the same effective learning rate.
"""

from __future__ import annotations

from math import sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zplus_plugins.generators.network.kept import Kept
from zplus_plugins.ops import bias_act, upfirdn2d

Noise = Literal["const", "random", "none"]


def drawn(*shape: int, over: float = 1) -> Tensor:
    """Standard normal numbers, divided by a number; on the meta device, where networks are laid out, only their shape.

    There, torch's random numbers and arithmetic would import sympy and torch._dynamo, which takes more than a second.
    """
    empty = torch.empty(*shape)
    return empty if empty.is_meta else torch.randn(*shape) / over


class Dense(nn.Module):
    """A fully connected layer with an activation: (..., inputs) -> (..., outputs).

    Args:
        inputs: input dimension.
        outputs: output dimension.
        activation: ``lrelu``, with its gain of sqrt(2), or ``linear``.
        lr_multiplier: factor of weight and bias, which also scales their effective learning rate.
        bias: initial value of the bias.
    """

    def __init__(
        self, inputs: int, outputs: int, activation: str = "linear", lr_multiplier: float = 1, bias: float = 0
    ) -> None:
        super().__init__()
        self.activation, self.lr_multiplier = activation, lr_multiplier
        self.weight = nn.Parameter(drawn(outputs, inputs, over=lr_multiplier))
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight * (self.lr_multiplier / sqrt(self.weight.shape[1])))
        return bias_act(x, self.bias * self.lr_multiplier, dim=x.ndim - 1, act=self.activation)


class Convolution(nn.Module):
    """A modulated and demodulated 3x3 convolution, noise, bias and leaky ReLU.

    The output is ``d * conv(s * x, W)``: scaling the features instead of the weights is equivalent, and avoids separate
    weights for each image.

    Args:
        w_dim: dimension of the code.
        inputs: input channels.
        outputs: output channels.
        resolution: output resolution.
        up: whether the input has half that resolution.
        clamp: bound on the output; None for no bound.
    """

    noise: Tensor

    def __init__(
        self, w_dim: int, inputs: int, outputs: int, resolution: int, up: bool = False, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.up, self.clamp = up, clamp
        self.style = Dense(w_dim, inputs, bias=1)
        self.weight = nn.Parameter(drawn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", drawn(resolution, resolution))
        self._cast: Kept[Tensor] = Kept()
        self._energy: Kept[Tensor] = Kept()

    def forward(self, x: Tensor, style: Tensor, taps: Tensor, noise: Noise) -> Tensor:
        """Features (B, inputs, r, r), styles (B, inputs), and the filter (taps, taps) used if ``up``."""
        weight = self._weight(x)
        x = x * style[:, :, None, None].to(x.dtype)
        if self.up:
            x = F.conv_transpose2d(x, weight, stride=2)
            # Equivalent to inserting zeros, filtering symmetrically around them, and then convolving.
            before, behind = (len(taps) + 1) // 2 - 1, len(taps) // 2 - 1
            x = upfirdn2d(x, taps, padding=(before, behind, before, behind), gain=4)
        else:
            x = F.conv2d(x, weight, padding=1)
        energy = self._energy.of(self.weight, lambda: self.weight.square().sum(dim=(2, 3)))
        x = x * (F.linear(style.square(), energy) + 1e-8).rsqrt()[:, :, None, None].to(x.dtype)
        if noise != "none":
            x += (self._noise(x, noise) * self.noise_strength).to(x.dtype)  # no derivative needs what it overwrites
        return bias_act(x, self.bias.to(x.dtype), act="lrelu", clamp=self.clamp)

    def _weight(self, x: Tensor) -> Tensor:
        """The weight that the convolution takes, in the dtype and memory format of the features."""

        def cast() -> Tensor:
            return self._ordered.to(x.dtype).contiguous(memory_format=layout)

        if x.dtype == self.weight.dtype:
            return self._ordered
        last = x.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        return self._cast.of(self.weight, cast, x.dtype, layout)

    @property
    def _ordered(self) -> Tensor:
        return self.weight.transpose(0, 1) if self.up else self.weight

    def _noise(self, x: Tensor, noise: Noise) -> Tensor:
        if noise == "const":
            return self.noise
        return torch.randn(len(x), 1, *self.noise.shape, device=x.device)


class ToRGB(nn.Module):
    """A modulated 1x1 convolution to three channels, without demodulation."""

    def __init__(self, w_dim: int, inputs: int, clamp: float | None = None) -> None:
        super().__init__()
        self.clamp = clamp
        self.style = Dense(w_dim, inputs, bias=1)
        self.weight = nn.Parameter(drawn(3, inputs))
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Features (B, inputs, r, r) and styles (B, inputs) -> (B, 3, r, r), in the dtype of the parameters."""
        weight = (self.weight / sqrt(self.weight.shape[1]))[:, :, None, None].to(x.dtype)
        x = F.conv2d(x * style[:, :, None, None].to(x.dtype), weight)
        return bias_act(x.to(self.bias.dtype), self.bias, clamp=self.clamp)


class Block(nn.Module):
    """The layers of one resolution: two convolutions (in the first block, only one) and an RGB layer."""

    def __init__(
        self, w_dim: int, inputs: int | None, outputs: int, resolution: int, clamp: float | None = None
    ) -> None:
        super().__init__()
        self.up = None if inputs is None else Convolution(w_dim, inputs, outputs, resolution, up=True, clamp=clamp)
        self.conv = Convolution(w_dim, outputs, outputs, resolution, clamp=clamp)
        self.to_rgb = ToRGB(w_dim, outputs, clamp)

    @property
    def layers(self) -> list[Convolution | ToRGB]:
        """The layers that take a style, in the order of use."""
        return [layer for layer in (self.up, self.conv, self.to_rgb) if layer is not None]

    def forward(self, x: Tensor, styles: list[Tensor], taps: Tensor, noise: Noise) -> Tensor:
        """The features after the block's second convolution, given those of the previous block."""
        if self.up is not None:
            x = self.up(x, styles[0], taps, noise)
        features: Tensor = self.conv(x, styles[-2], taps, noise)
        return features
