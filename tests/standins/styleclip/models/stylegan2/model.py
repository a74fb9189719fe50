"""A style-based generator, as small as the script allows: it asks for eight layers of 512 numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.stylegan2.op import FusedLeakyReLU, fused_leaky_relu, upfirdn2d

CHANNELS = 8


class PixelNorm(nn.Module):
    """Codes of length sqrt(D)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.normalize(input, dim=1) * input.shape[1] ** 0.5


class EqualLinear(nn.Module):
    """A layer with scaled weights."""

    def __init__(self, in_dim: int, out_dim: int, lr_mul: float = 1, activation: str | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_dim, in_dim) / lr_mul)
        self.bias = nn.Parameter(torch.zeros(out_dim))
        self.activation, self.lr_mul, self.scale = activation, lr_mul, lr_mul / in_dim**0.5

    def forward(self, input: Tensor) -> Tensor:
        if self.activation:
            return fused_leaky_relu(F.linear(input, self.weight * self.scale), self.bias * self.lr_mul)
        return F.linear(input, self.weight * self.scale, self.bias * self.lr_mul)


class ModulatedConv2d(nn.Module):
    """A convolution whose input channels are scaled by the style."""

    def __init__(self, out_channel: int, style_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, out_channel, CHANNELS, 1, 1))
        self.modulation = EqualLinear(style_dim, CHANNELS)

    def forward(self, input: Tensor, style: Tensor) -> Tensor:
        return F.conv2d(input * self.modulation(style)[:, :, None, None], self.weight[0] / CHANNELS**0.5)


class StyledConv(nn.Module):
    """Upsampling if asked for, convolution, noise, activation."""

    kernel: Tensor

    def __init__(self, style_dim: int, upsample: bool = False) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv = ModulatedConv2d(CHANNELS, style_dim)
        self.register_buffer("kernel", torch.ones(2, 2))
        self.activate = FusedLeakyReLU(CHANNELS)

    def forward(self, input: Tensor, style: Tensor, noise: Tensor) -> Tensor:
        if self.upsample:
            input = upfirdn2d(input, self.kernel, up=2, pad=(1, 0))
        out: Tensor = self.activate(self.conv(input, style) + 0.05 * noise)
        return out


class ToRGB(nn.Module):
    """Features to a picture, added to the smaller one's."""

    def __init__(self, style_dim: int) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(3, style_dim)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, input: Tensor, style: Tensor, skip: Tensor | None = None) -> Tensor:
        out: Tensor = self.conv(input, style) + self.bias
        return out if skip is None else out + F.interpolate(skip, scale_factor=2)


class ConstantInput(nn.Module):
    """What every picture begins with."""

    def __init__(self) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, CHANNELS, 4, 4))


class Generator(nn.Module):
    """Codes to pictures (N, 3, size, size)."""

    def __init__(self, size: int, style_dim: int, n_mlp: int, channel_multiplier: int = 2) -> None:
        super().__init__()
        self.size, self.style_dim, self.n_latent = size, style_dim, 2 * size.bit_length() - 4
        mapping = (EqualLinear(style_dim, style_dim, 0.01, "fused_lrelu") for _ in range(n_mlp))
        self.style = nn.Sequential(PixelNorm(), *mapping)
        self.input = ConstantInput()
        self.conv1 = StyledConv(style_dim)
        self.to_rgb1 = ToRGB(style_dim)
        self.convs = nn.ModuleList(StyledConv(style_dim, upsample=i % 2 == 0) for i in range(self.n_latent - 2))
        self.to_rgbs = nn.ModuleList(ToRGB(style_dim) for _ in range(self.n_latent // 2 - 1))
        self.noises = nn.Module()
        for i in range(self.n_latent - 1):
            side = 4 << (i + 1) // 2
            self.noises.register_buffer(f"noise_{i}", torch.randn(1, 1, side, side))

    def mean_latent(self, n_latent: int) -> Tensor:
        """The mean style of so many samples, (1, style_dim)."""
        latent: Tensor = self.style(torch.randn(n_latent, self.style_dim, device=self.input.input.device))
        return latent.mean(0, keepdim=True)

    def get_latent(self, input: Tensor) -> Tensor:
        """Codes in Z to codes in W."""
        latent: Tensor = self.style(input)
        return latent

    def forward(
        self,
        styles: list[Tensor],
        return_latents: bool = False,
        truncation: float = 1,
        truncation_latent: Tensor | None = None,
        input_is_latent: bool = False,
        input_is_stylespace: bool = False,
        randomize_noise: bool = True,
    ) -> tuple[Tensor, ...] | tuple[Tensor, None]:
        """Pictures, and the codes (N, n_latent, style_dim) and styles if asked for; there is no StyleSpace."""
        (latent,) = styles if input_is_latent else [self.style(code) for code in styles]
        if truncation < 1 and truncation_latent is not None:
            latent = truncation_latent + truncation * (latent - truncation_latent)
        if latent.ndim == 2:
            latent = latent[:, None].repeat(1, self.n_latent, 1)
        maps = list(self.noises.buffers())
        if randomize_noise:
            maps = [torch.randn_like(one) for one in maps]
        out = self.conv1(self.input.input.repeat(len(latent), 1, 1, 1), latent[:, 0], maps[0])
        skip: Tensor = self.to_rgb1(out, latent[:, 1])
        for i, to_rgb in enumerate(self.to_rgbs):
            for j in (2 * i, 2 * i + 1):
                out = self.convs[j](out, latent[:, j + 1], maps[j + 1])
            skip = to_rgb(out, latent[:, 2 * i + 3], skip)
        return (skip, latent, latent) if return_latents else (skip, None)
