"""rosinality's generator, which takes a feature map in place of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.stylegan2.op import FusedLeakyReLU, fused_leaky_relu, upfirdn2d

CHANNELS = 8


def get_keys(d: dict[str, Any], name: str) -> dict[str, Any]:
    """The part of a checkpoint that belongs to one network."""
    state = d.get("state_dict", d)
    return {key[len(name) + 1 :]: value for key, value in state.items() if key.startswith(name)}


class EqualLinear(nn.Module):
    """A layer with scaled weights."""

    def __init__(self, in_dim: int, out_dim: int, lr_mul: float = 1, activation: str | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_dim, in_dim) / lr_mul)
        self.bias = nn.Parameter(torch.zeros(out_dim))
        self.activation = activation
        self.scale = lr_mul / in_dim**0.5
        self.lr_mul = lr_mul

    def forward(self, input: Tensor) -> Tensor:
        if self.activation:
            return fused_leaky_relu(F.linear(input, self.weight * self.scale), self.bias * self.lr_mul)
        return F.linear(input, self.weight * self.scale, self.bias * self.lr_mul)


class NoiseInjection(nn.Module):
    """Add noise, fresh unless it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Tensor:
        if noise is None:
            noise = image.new_empty(len(image), 1, *image.shape[2:]).normal_()
        return image + self.weight * noise


class StyledConv(nn.Module):
    """A modulated convolution, after upsampling if asked for."""

    kernel: Tensor

    def __init__(self, style_dim: int, upsample: bool = False) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, kernel_size=3, padding=1)
        self.modulation = EqualLinear(style_dim, CHANNELS)
        self.register_buffer("kernel", torch.ones(2, 2))
        self.noise = NoiseInjection()
        self.activate = FusedLeakyReLU(CHANNELS)

    def forward(self, input: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        if self.upsample:
            input = upfirdn2d(input, self.kernel, up=2, pad=(1, 0))
        out: Tensor = self.activate(self.noise(self.conv(input * self.modulation(style)[:, :, None, None]), noise))
        return out


class Generator(nn.Module):
    """Style codes to pictures."""

    def __init__(self, size: int, style_dim: int, n_mlp: int, channel_multiplier: int = 2) -> None:
        super().__init__()
        self.size = size
        self.style_dim = style_dim
        self.log_size = size.bit_length() - 1
        self.style = nn.Sequential(*(EqualLinear(style_dim, style_dim, 0.01, "fused_lrelu") for _ in range(n_mlp)))
        self.input = nn.Parameter(torch.randn(1, CHANNELS, 4, 4))
        self.num_layers = 2 * self.log_size - 3
        self.n_latent = 2 * self.log_size - 2
        self.convs = nn.ModuleList(StyledConv(style_dim, upsample=i % 2 == 1) for i in range(self.num_layers))
        self.to_rgb = nn.Conv2d(CHANNELS, 3, kernel_size=1)

    def make_noise(self) -> list[Tensor]:
        """One picture of noise a layer."""
        sides = (4 << (i + 1) // 2 for i in range(self.num_layers))
        return [torch.randn(1, 1, side, side, device=self.input.device) for side in sides]

    def get_latent(self, input: Tensor) -> Tensor:
        """Z to W."""
        return self.style(input)

    def forward(
        self,
        styles: list[Tensor],
        return_latents: bool = False,
        return_features: bool = False,
        input_is_latent: bool = False,
        noise: list[Tensor] | None = None,
        randomize_noise: bool = True,
        features_in: list[Tensor | None] | None = None,
        feature_scale: float = 1.0,
    ) -> tuple[Tensor, Any]:
        """Codes to pictures (N, 3, size, size), with the codes or every layer's features if asked for."""
        (latent,) = styles if input_is_latent else [self.style(code) for code in styles]
        given = features_in or [None] * self.n_latent
        out, outs = self.input.repeat(len(latent), 1, 1, 1), []
        for i, conv in enumerate(self.convs):
            feature = given[i]
            if feature is not None:
                out = (1 - feature_scale) * out + feature_scale * feature
            outs.append(out)
            out = conv(out, latent[:, i], None if noise is None else noise[i])
        return self.to_rgb(out), latent if return_latents else outs if return_features else None
