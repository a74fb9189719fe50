"""The layers of StyleGAN3 (Karras et al., 2021: arXiv 2106.12423).

Weights are stored with unit variance and scaled at run time, as in StyleGAN2.
"""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zplus_plugins.generators.network.bands import Band, Stage
from zplus_plugins.generators.network.kept import Kept
from zplus_plugins.generators.network.layers import Dense
from zplus_plugins.generators.network.lowpass import lowpass
from zplus_plugins.ops import bias_act, upfirdn2d

_EPSILON = 1e-8


class FourierFeatures(nn.Module):
    """The input: waves of fixed frequencies, which a style shifts and turns (appendix F), in trained mixtures.

    The style is (cos, sin, x, y) times any number: the rotation, and the shift in units of the image.

    Args:
        w_dim: dimension of the code.
        band: of the output.
    """

    frequencies: Tensor
    phases: Tensor
    transform: Tensor

    def __init__(self, w_dim: int, band: Band) -> None:
        super().__init__()
        self.band = band
        self.style = Dense(w_dim, 4)
        nn.init.zeros_(self.style.weight)
        nn.init.ones_(self.style.bias[:1])
        self.weight = nn.Parameter(torch.randn(band.channels, band.channels))
        frequencies = torch.randn(band.channels, 2)
        radius = frequencies.norm(dim=1, keepdim=True)
        # A normal distribution becomes the uniform one on a disc.
        frequencies *= band.cutoff * (1 - (-radius.square() / 2).exp()).sqrt() / radius
        self.register_buffer("frequencies", frequencies)
        self.register_buffer("phases", torch.rand(band.channels) - 0.5)
        self.register_buffer("transform", torch.eye(3))

    def forward(self, style: Tensor) -> Tensor:
        """Features (B, C, size, size) from styles (B, 4)."""
        frequencies, phases = self._transformed(style / style[:, :2].norm(dim=1, keepdim=True))
        highest, cutoff = self.band.rate / 2, self.band.cutoff
        # Frequencies that the transform has moved beyond the band fade out.
        amplitudes = (1 - (frequencies.norm(dim=2) - cutoff) / (highest - cutoff)).clamp(0, 1)
        size = self.band.size
        places = (torch.arange(size, device=style.device, dtype=style.dtype) + (0.5 - size / 2)) / self.band.rate
        along_x, along_y = (frequencies[:, :, axis, None] * places for axis in (0, 1))
        angle = (along_x + phases[:, :, None])[:, :, None, :] + along_y[:, :, :, None]
        waves = torch.sin(2 * pi * angle) * amplitudes[:, :, None, None]
        return F.conv2d(waves, (self.weight / sqrt(len(self.weight)))[:, :, None, None])

    def _transformed(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Frequencies (B, C, 2) and phases (B, C) of the image that is turned, shifted, and transformed."""
        cos, sin, x, y = style[:, :, None].unbind(dim=1)
        shifted = self.transform[:2] - torch.stack([x, y], dim=1) * self.transform[2]
        rotation = torch.stack([torch.cat([cos, -sin], dim=1), torch.cat([sin, cos], dim=1)], dim=1)
        matrix = rotation @ shifted
        return self.frequencies @ matrix[:, :, :2], self.phases + (self.frequencies @ matrix[:, :, 2:]).squeeze(2)


class FilteredLayer(nn.Module):
    """A modulated convolution, bias, and a leaky ReLU between two low-pass filters, so that it creates no aliases.

    Features are scaled, not weights, as in our StyleGAN2. The length of a style has no effect if it is demodulated:
    styles and weights are normalised first, which matters in float16 alone.

    Args:
        w_dim: dimension of the code.
        stage: what it does.
        clamp: bound on the activations; None for no bound.
    """

    magnitude: Tensor
    up_filter: Tensor | None
    down_filter: Tensor | None

    def __init__(self, w_dim: int, stage: Stage, clamp: float | None) -> None:
        super().__init__()
        self.stage, self.clamp = stage, clamp
        inputs, outputs = stage.before.channels, stage.after.channels
        self.style = Dense(w_dim, inputs, bias=1)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, stage.kernel, stage.kernel))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("magnitude", torch.ones(()))
        self.register_buffer("up_filter", self._filter(stage.before, stage.up_taps, False))
        self.register_buffer("down_filter", self._filter(stage.after, stage.down_taps, stage.radial))
        self._scaled: Kept[tuple[Tensor, Tensor]] = Kept()

    def _filter(self, band: Band, taps: int, radial: bool) -> Tensor | None:
        if taps == 1:
            return None
        if self.weight.is_meta:
            return torch.empty((taps, taps) if radial else (taps,))
        return lowpass(taps, band.cutoff, band.half_width, self.stage.rate, radial)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Features (B, inputs, size, size) and styles (B, inputs) -> (B, outputs, size, size), in the dtype of x."""
        weight, energy = self._scaled.of(self.weight, lambda: self._scale(x), x.dtype, _layout(x))
        if not self.stage.colour:
            style = style * style.square().mean(dim=1, keepdim=True).rsqrt()
        x = x * _wide(style * self.magnitude.rsqrt(), x)  # of the mean input in training, so that all layers see 1
        x = F.conv2d(x, weight, padding=self.stage.kernel - 1)
        bias = self.bias.to(x.dtype)
        if self.stage.colour:
            return bias_act(x, bias, clamp=self.clamp)
        x = torch.addcmul(bias[:, None, None], x, _wide((F.linear(style.square(), energy) + _EPSILON).rsqrt(), x))
        return self._activated(x)

    def _scale(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The weight with a variance of 1 or, to RGB, its inverse number of inputs; and the energies of its kernels."""
        size = self.weight.square().mean(dim=(1, 2, 3), keepdim=True).rsqrt()
        weight = self.weight * (1 / sqrt(self.weight[0].numel()) if self.stage.colour else size)
        energy = weight.square().sum(dim=(2, 3))
        return weight.to(x.dtype).contiguous(memory_format=_layout(x)), energy

    def _activated(self, x: Tensor) -> Tensor:
        stage = self.stage
        up_filter, down_filter = (None if f is None else f.float() for f in (self.up_filter, self.down_filter))
        x = upfirdn2d(x, up_filter, up=stage.up, padding=stage.padding * 2, gain=stage.up**2)
        x = bias_act(x, act="lrelu", clamp=self.clamp)
        return upfirdn2d(x, down_filter, down=stage.down)


def _layout(x: Tensor) -> torch.memory_format:
    last = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _wide(scale: Tensor, x: Tensor) -> Tensor:
    return scale[:, :, None, None].to(x.dtype)
