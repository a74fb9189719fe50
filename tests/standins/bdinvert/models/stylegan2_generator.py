"""A small generator in StyleGAN2's manner: modulated convolutions and a sum of RGB outputs."""

from __future__ import annotations

from itertools import pairwise
from math import log2, sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import Dense, PixelNormLayer, check_styles

__all__ = ["StyleGAN2Generator"]

CHANNELS = 32


class StyleGAN2Generator(nn.Module):
    """Mapping, truncation and synthesis under the names that scripts use."""

    def __init__(
        self,
        resolution: int,
        z_space_dim: int = 64,
        w_space_dim: int = 64,
        repeat_w: bool = True,
    ) -> None:
        super().__init__()
        self.resolution = resolution
        self.z_space_dim = z_space_dim
        self.w_space_dim = w_space_dim
        self.repeat_w = repeat_w
        self.num_layers = int(log2(resolution // 2)) * 2
        self.mapping = MappingModule(z_space_dim, w_space_dim)
        self.truncation = TruncationModule(w_space_dim, self.num_layers, repeat_w)
        self.synthesis = SynthesisModule(self.num_layers, w_space_dim)

    def forward(
        self,
        z: Tensor,
        label: Tensor | None = None,
        trunc_psi: float | None = None,
        trunc_layers: int | None = None,
        randomize_noise: bool = False,
    ) -> dict[str, Any]:
        """Codes (N, z_dim) to images (N, 3, resolution, resolution) in [-1, 1], under the key ``image``."""
        mapped = self.mapping(z, label)
        wp = self.truncation(mapped["w"], trunc_psi, trunc_layers)
        return {**mapped, **self.synthesis(wp, randomize_noise=randomize_noise)}


class MappingModule(nn.Module):
    """Z -> W; the code is normalised first."""

    def __init__(
        self,
        input_space_dim: int,
        final_space_dim: int,
        num_layers: int = 4,
        lr_mul: float = 0.01,
    ) -> None:
        super().__init__()
        self.input_space_dim = input_space_dim
        self.num_layers = num_layers
        self.norm = PixelNormLayer()
        dims = [input_space_dim] + [final_space_dim] * num_layers
        self.dense = nn.ModuleList(Dense(i, o, lr_mul) for i, o in pairwise(dims))

    def forward(self, z: Tensor, label: Tensor | None = None) -> dict[str, Tensor | None]:
        """Codes (N, z_dim) to styles (N, w_dim), under the key ``w``."""
        if z.ndim != 2 or z.shape[1] != self.input_space_dim:
            raise ValueError(f"expected codes of shape (N, {self.input_space_dim}), got {tuple(z.shape)}")
        z = w = self.norm(z)
        for dense in self.dense:
            w = F.leaky_relu(dense(w), 0.2) * sqrt(2)
        return {"z": z, "label": label, "w": w}


class TruncationModule(nn.Module):
    """W -> W+, with the first layers pulled towards the mean style."""

    w_avg: Tensor

    def __init__(self, w_space_dim: int, num_layers: int, repeat_w: bool = True) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.w_space_dim = w_space_dim
        self.repeat_w = repeat_w
        self.register_buffer("w_avg", torch.zeros(w_space_dim))

    def forward(self, w: Tensor, trunc_psi: float | None = None, trunc_layers: int | None = None) -> Tensor:
        """Codes (N, w_dim) or (N, num_layers, w_dim) to (N, num_layers, w_dim)."""
        if w.ndim == 2 and self.repeat_w and w.shape[1] == self.w_space_dim:
            w = w[:, None].repeat(1, self.num_layers, 1)
        elif w.ndim == 2:
            w = w.view(-1, self.num_layers, self.w_space_dim)
        assert w.shape[1:] == (self.num_layers, self.w_space_dim)
        if trunc_psi is None or trunc_psi >= 1 or not trunc_layers:
            return w
        # The other layers take part with a strength of 1, which rounds: the original's are not exact either.
        strength = torch.ones(self.num_layers, 1).to(w)
        strength[:trunc_layers] = trunc_psi
        return self.w_avg + strength * (w - self.w_avg)


class UpsamplingLayer(nn.Module):
    """Zeros after every sample, then a filter of 1, 3, 3, 1 along each axis that keeps the mean."""

    kernel: Tensor

    def __init__(self, scale_factor: int = 2) -> None:
        super().__init__()
        self.scale_factor = scale_factor
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("kernel", (scale_factor / taps.sum()) ** 2 * taps.outer(taps)[None, None])
        rest = len(taps) - scale_factor
        self.padding = ((rest + 1) // 2 + scale_factor - 1, rest // 2) * 2

    def forward(self, x: Tensor) -> Tensor:
        height, width = (self.scale_factor * size for size in x.shape[2:])
        planes = x.new_zeros(x.shape[0] * x.shape[1], 1, height, width)
        planes[..., :: self.scale_factor, :: self.scale_factor] = x.reshape(-1, 1, *x.shape[2:])
        return F.conv2d(F.pad(planes, self.padding), self.kernel.to(x)).view(*x.shape[:2], height, width)


class ModulateConvBlock(nn.Module):
    """Scale the input channels by a style, convolve, add the bias, activate.

    With a resolution it is a layer with noise and a leaky ReLU; without one, an output of three channels.
    """

    noise: Tensor

    def __init__(self, w_space_dim: int, out_channels: int, resolution: int | None = None) -> None:
        super().__init__()
        kernel = 3 if resolution else 1
        self.style = Style(w_space_dim, CHANNELS)
        self.weight = nn.Parameter(torch.randn(out_channels, CHANNELS, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.wscale, self.bscale, self.eps = CHANNELS**-0.5, 1.0, 1e-8
        self.stride, self.padding, self.use_conv2d_transpose = 1, kernel // 2, False
        self.add_noise = self.demodulate = resolution is not None
        self.activate = nn.LeakyReLU(0.2, inplace=True) if resolution else nn.Identity()
        self.activate_scale = sqrt(2) if resolution else 1.0
        if resolution:
            self.res = resolution
            self.noise_strength = nn.Parameter(torch.zeros(()))
            self.register_buffer("noise", torch.randn(1, 1, resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, randomize_noise: bool = False) -> tuple[Tensor, Tensor]:
        style, weight = self.style(w), self.weight * self.wscale
        x = F.conv2d(x * style[:, :, None, None], weight, stride=self.stride, padding=self.padding)
        if self.demodulate:
            norm = (weight * style[:, None, :, None, None]).square().sum((2, 3, 4)) + self.eps
            x = x * norm.rsqrt()[:, :, None, None]
        if self.add_noise:
            noise = torch.randn(len(x), 1, *x.shape[2:]).to(x) if randomize_noise else self.noise
            x = x + noise * self.noise_strength
        if self.bias is not None:
            x = x + self.bias[:, None, None] * self.bscale
        return self.activate(x) * self.activate_scale, style


class Style(Dense):
    """A style: a dense layer around 1."""

    def forward(self, w: Tensor) -> Tensor:
        return 1 + super().forward(w)


class SynthesisModule(nn.Module):
    """W+ -> image. The base code replaces a feature map and everything that came before it."""

    def __init__(self, num_layers: int, w_space_dim: int) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.w_space_dim = w_space_dim
        self.architecture = "skip"
        self.const = nn.Parameter(torch.randn(1, CHANNELS, 4, 4))
        self.upsample = UpsamplingLayer()
        for i in range(num_layers - 1):
            self.add_module(f"layer{i}", ModulateConvBlock(w_space_dim, CHANNELS, resolution=4 << (i + 1) // 2))
            if i % 2 == 0:
                self.add_module(f"output{i // 2}", ModulateConvBlock(w_space_dim, 3))

    def forward(
        self,
        wp: Tensor,
        randomize_noise: bool = False,
        basecode_layer: str | None = None,
        basecode: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Images under ``image``, feature maps and styles of all layers; a map before it is replaced."""
        check_styles(wp, self.num_layers, self.w_space_dim)
        results = {"wp": wp}
        x, image = self.const.repeat(len(wp), 1, 1, 1), None
        for i in range(self.num_layers - 1):
            # Odd layers are the first of every resolution but the lowest.
            x = self.upsample(x) if i % 2 else x
            x, results[f"style{i:02d}"] = getattr(self, f"layer{i}")(x, wp[:, i], randomize_noise)
            results[f"x{i:02d}"] = x
            if basecode_layer == f"x{i:02d}":
                assert basecode is not None
                x = basecode.contiguous()
            if i % 2 == 0:
                rgb, results[f"output_style{i // 2}"] = getattr(self, f"output{i // 2}")(x, wp[:, i + 1])
                # What lies below the base code must not show in the image either.
                below = None if basecode_layer == f"x{i - 1:02d}" else image
                image = rgb if below is None else rgb + self.upsample(below)
        return {**results, "image": image}
