"""A small StyleGAN2 with the names of rosinality's; refinements put feature maps into its layers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.stylegan2.op import FusedLeakyReLU, fused_leaky_relu, upfirdn2d

CHANNELS = 8
STYLE_DIM = 32


class PixelNorm(nn.Module):
    """Every code to length sqrt(dim)."""

    def forward(self, input: Tensor) -> Tensor:
        return input * torch.rsqrt(torch.mean(input**2, dim=1, keepdim=True) + 1e-8)


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

    def __init__(self, upsample: bool = False) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, kernel_size=3, padding=1)
        self.modulation = EqualLinear(STYLE_DIM, CHANNELS)
        self.modulation.bias.data.fill_(1)
        self.register_buffer("kernel", torch.ones(2, 2))
        self.noise = NoiseInjection()
        self.activate = FusedLeakyReLU(CHANNELS)

    def forward(self, input: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        if self.upsample:
            input = upfirdn2d(input, self.kernel, up=2, pad=(1, 0))
        out: Tensor = self.activate(self.noise(self.conv(input * self.modulation(style)[:, :, None, None]), noise))
        return out


class ToRGB(nn.Module):
    """Features to colours, on top of the coarser layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(CHANNELS, 3, kernel_size=1, bias=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, input: Tensor, skip: Tensor | None = None) -> Tensor:
        out: Tensor = self.conv(input) + self.bias
        return out if skip is None else out + F.interpolate(skip, scale_factor=2)


class Generator(nn.Module):
    """Styles to images."""

    def __init__(self, size: int, style_dim: int, n_mlp: int) -> None:
        super().__init__()
        self.size, self.style_dim = size, STYLE_DIM
        mapping = (EqualLinear(STYLE_DIM, STYLE_DIM, 0.01, "fused_lrelu") for _ in range(n_mlp // 4))
        self.style = nn.Sequential(PixelNorm(), *mapping)
        log_size = size.bit_length() - 1
        self.num_layers, self.n_latent = 2 * log_size - 3, 2 * log_size - 2
        self.input = nn.Parameter(torch.randn(1, CHANNELS, 4, 4))
        self.conv1, self.to_rgb1 = StyledConv(), ToRGB()
        self.convs = nn.ModuleList(StyledConv(upsample=i % 2 == 0) for i in range(self.num_layers - 1))
        self.to_rgbs = nn.ModuleList(ToRGB() for _ in range(log_size - 2))
        self.noises = nn.Module()
        for i, noise in enumerate(self.make_noise()):
            self.noises.register_buffer(f"noise_{i}", noise)

    def make_noise(self) -> list[Tensor]:
        sides = (4 << (i + 1) // 2 for i in range(self.num_layers))
        return [torch.randn(1, 1, side, side, device=self.input.device) for side in sides]

    def mean_latent(self, n_latent: int) -> Tensor:
        latent: Tensor = self.style(torch.randn(n_latent, self.style_dim, device=self.input.device))
        return latent.mean(0, keepdim=True)

    def forward(
        self,
        styles: list[Tensor],
        mask: Tensor | None = None,
        return_latents: bool = False,
        input_is_latent: bool = False,
        noise: list[Tensor] | None = None,
        randomize_noise: bool = True,
        return_featuremap: bool = False,
        offset: Tensor | None = None,
        feature_idx: int | None = None,
        sam_masks: Any = None,
        sam_features: Any = None,
        sam_idxes: Any = (),
    ) -> Any:
        """Codes (N, style_dim) or (N, n_latent, style_dim) to images (N, 3, size, size), and the codes if asked for."""
        (latent,) = styles if input_is_latent else [self.style(code) for code in styles]
        if latent.ndim < 3:
            latent = latent.unsqueeze(1).repeat(1, self.n_latent, 1)
        if noise is None:
            fixed = [getattr(self.noises, f"noise_{i}") for i in range(self.num_layers)]
            noise = [None] * self.num_layers if randomize_noise else fixed  # type: ignore[list-item]
        out = self.conv1(self.input.repeat(len(latent), 1, 1, 1), latent[:, 0], noise[0])
        skip, featuremap = self.to_rgb1(out), None
        for i, conv in enumerate(self.convs, 1):
            if i == feature_idx:
                featuremap = out
                if offset is not None:
                    out = out * mask + offset * (1 - mask)
            out = conv(out, latent[:, i], noise[i])
            if i in sam_idxes:
                out = out + sam_masks[f"F{i + 1}"] * sam_features[f"F{i + 1}"]
            if i % 2 == 0:
                skip = self.to_rgbs[i // 2 - 1](out, skip)
        codes = latent if return_latents else None
        return (skip, codes, featuremap) if return_featuremap else (skip, codes)
