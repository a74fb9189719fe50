"""The encoder's own generator; its images are made and not looked at, which draws from the global random stream."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.stylegan2.op import FusedLeakyReLU, fused_leaky_relu, upfirdn2d

CHANNELS = 8


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
    """Styles to images, under the names that the encoder uses."""

    def __init__(self, size: int, style_dim: int, n_mlp: int, channel_multiplier: int = 2) -> None:
        super().__init__()
        self.size = size
        self.style_dim = style_dim
        log_size = size.bit_length() - 1
        self.style = nn.Sequential(*(EqualLinear(style_dim, style_dim, 0.01, "fused_lrelu") for _ in range(n_mlp)))
        self.input = nn.Parameter(torch.randn(1, CHANNELS, 4, 4))
        self.num_layers = 2 * log_size - 3
        self.n_latent = 2 * log_size - 2
        self.convs = nn.ModuleList(StyledConv(style_dim, upsample=i % 2 == 1) for i in range(self.num_layers))
        self.to_rgb = nn.Conv2d(CHANNELS, 3, kernel_size=1)
        for i, conv in enumerate(self.convs):
            side = 4 << (i + 1) // 2
            conv.register_buffer("fixed_noise", torch.randn(1, 1, side, side))

    def forward(
        self,
        styles: list[Tensor],
        return_latents: bool = False,
        input_is_latent: bool = False,
        randomize_noise: bool = True,
    ) -> tuple[Tensor, Tensor | None]:
        """Codes (N, n_latent, style_dim) to images (N, 3, size, size), and the codes if asked for."""
        (latent,) = styles if input_is_latent else [self.style(code) for code in styles]
        out = self.input.repeat(len(latent), 1, 1, 1)
        for i, conv in enumerate(self.convs):
            out = conv(out, latent[:, i], None if randomize_noise else conv.fixed_noise)
        return self.to_rgb(out), latent if return_latents else None
