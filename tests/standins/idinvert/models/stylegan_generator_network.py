"""A small StyleGAN: a mapping network with a code for every layer, truncation, and synthesis."""

from __future__ import annotations

from math import log2, sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class StyleGANGeneratorNet(nn.Module):
    """Mapping, truncation and synthesis under the names that scripts use."""

    def __init__(
        self,
        resolution: int,
        z_space_dim: int = 512,
        w_space_dim: int = 512,
        repeat_w: bool = True,
        channels: int = 16,
        psi: float = 0.7,
        cutoff: int = 8,
    ) -> None:
        super().__init__()
        self.resolution, self.repeat_w = resolution, repeat_w
        self.z_space_dim, self.w_space_dim = z_space_dim, w_space_dim
        self.num_layers = int(log2(resolution // 2)) * 2
        final = w_space_dim if repeat_w else w_space_dim * self.num_layers
        self.mapping = MappingModule(z_space_dim, channels, final)
        self.truncation = TruncationModule(w_space_dim, self.num_layers, repeat_w, psi, cutoff)
        self.synthesis = SynthesisModule(self.num_layers, w_space_dim, channels)

    def forward(self, z: Tensor) -> Tensor:
        return self.synthesis(self.truncation(self.mapping(z)))


class MappingModule(nn.Module):
    """Z to the codes of all layers, one after the other."""

    def __init__(self, input_space_dim: int, hidden: int, final: int, num_layers: int = 4) -> None:
        super().__init__()
        self.input_space_dim = input_space_dim
        sizes = [input_space_dim, *[hidden] * (num_layers - 1), final]
        self.num_layers = num_layers
        for i in range(num_layers):
            self.add_module(f"dense{i}", DenseBlock(sizes[i], sizes[i + 1], lr=0.01))

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.input_space_dim:
            raise ValueError(f"no batch of codes: {tuple(z.shape)}")
        w = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for i in range(self.num_layers):
            w = F.leaky_relu(getattr(self, f"dense{i}")(w), 0.2)
        return w


class TruncationModule(nn.Module):
    """Codes for every layer, pulled to their mean by an amount that is settled beforehand."""

    def __init__(self, w_space_dim: int, num_layers: int, repeat_w: bool, psi: float, cutoff: int) -> None:
        super().__init__()
        self.num_layers, self.w_space_dim, self.repeat_w = num_layers, w_space_dim, repeat_w
        self.register_buffer("w_avg", torch.zeros(w_space_dim))
        pull = torch.where(torch.arange(num_layers) < cutoff, psi, 1.0)
        self.register_buffer("truncation", pull.view(1, num_layers, 1))

    def forward(self, w: Tensor) -> Tensor:
        if w.ndim == 2:
            w = w.view(-1, 1 if self.repeat_w else self.num_layers, self.w_space_dim)
        return self.w_avg + (w - self.w_avg) * self.truncation


class SynthesisModule(nn.Module):
    """From a constant up, two layers for each resolution; the last one's colours are the picture."""

    def __init__(self, num_layers: int, w_space_dim: int, channels: int) -> None:
        super().__init__()
        self.num_layers, self.w_space_dim = num_layers, w_space_dim
        self.lod = nn.Parameter(torch.zeros(()))
        self.const = nn.Parameter(torch.ones(1, channels, 4, 4))
        for i in range(num_layers):
            self.add_module(f"layer{i}", ConvBlock(channels, w_space_dim, up=i > 0 and i % 2 == 0))
        self.output = nn.Conv2d(channels, 3, 1)

    def forward(self, w: Tensor) -> Tensor:
        if w.ndim != 3 or w.shape[1:] != (self.num_layers, self.w_space_dim):
            raise ValueError(f"no style codes: {tuple(w.shape)}")
        x = self.const.expand(len(w), -1, -1, -1)
        for i in range(self.num_layers):
            x = getattr(self, f"layer{i}")(x, w[:, i])
        return torch.tanh(self.output(x) / sqrt(x.shape[1]))


class ConvBlock(nn.Module):
    """Convolution, noise that stays, activation, and the statistics that the style gives."""

    def __init__(self, channels: int, w_space_dim: int, up: bool) -> None:
        super().__init__()
        self.up = up
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.style = DenseBlock(w_space_dim, 2 * channels, lr=1.0)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=2)
        x = F.leaky_relu(self.conv(x), 0.2)
        x = F.instance_norm(x)
        scale, shift = self.style(w)[:, :, None, None].chunk(2, dim=1)
        return x * (scale + 1) + shift


class DenseBlock(nn.Module):
    """A linear layer that is scaled as it runs."""

    def __init__(self, inputs: int, outputs: int, lr: float) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        self.gain, self.lr = lr * sqrt(2 / inputs), lr

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.fc.weight * self.gain, self.fc.bias * self.lr)
