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


class ModulatedConv(nn.Module):
    """Scale the input channels by a style, then convolve."""

    def __init__(self, w_space_dim: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.affine = Dense(w_space_dim, CHANNELS)
        self.weight = nn.Parameter(torch.randn(out_channels, CHANNELS, kernel, kernel) / CHANNELS**0.5)
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        style = 1 + self.affine(w)[:, :, None, None]
        return F.conv2d(x * style, self.weight, self.bias, padding=self.weight.shape[-1] // 2)


class Layer(nn.Module):
    """A modulated convolution with noise, after upsampling if asked for."""

    noise: Tensor

    def __init__(self, w_space_dim: int, resolution: int, upsample: bool) -> None:
        super().__init__()
        self.upsample = upsample
        self.conv = ModulatedConv(w_space_dim, CHANNELS, kernel=3)
        self.norm = PixelNormLayer()
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(1, 1, resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, randomize_noise: bool) -> Tensor:
        x = self.conv(F.interpolate(x, scale_factor=2) if self.upsample else x, w)
        noise = torch.randn(len(x), 1, *x.shape[2:]).to(x) if randomize_noise else self.noise
        return F.leaky_relu(self.norm(x) + noise * self.noise_strength, 0.2)


class SynthesisModule(nn.Module):
    """W+ -> image. The base code replaces a feature map and everything that came before it."""

    def __init__(self, num_layers: int, w_space_dim: int) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.w_space_dim = w_space_dim
        self.const = nn.Parameter(torch.randn(1, CHANNELS, 4, 4))
        for i in range(num_layers - 1):
            odd = i % 2 == 1  # the first layer of every resolution but the lowest
            self.add_module(f"layer{i}", Layer(w_space_dim, 4 << (i + 1) // 2, upsample=odd))
            if not odd:
                self.add_module(f"output{i // 2}", ModulatedConv(w_space_dim, 3, kernel=1))

    def forward(
        self,
        wp: Tensor,
        randomize_noise: bool = False,
        basecode_layer: str | None = None,
        basecode: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Images under ``image``, feature maps under ``x00``, ``x01``, ..., each before it is replaced."""
        check_styles(wp, self.num_layers, self.w_space_dim)
        results = {"wp": wp}
        x, image = self.const.repeat(len(wp), 1, 1, 1), None
        for i in range(self.num_layers - 1):
            x = results[f"x{i:02d}"] = self.get_submodule(f"layer{i}")(x, wp[:, i], randomize_noise)
            if basecode_layer == f"x{i:02d}":
                assert basecode is not None
                x = basecode.contiguous()
            if i % 2 == 0:
                rgb = self.get_submodule(f"output{i // 2}")(x, wp[:, i + 1])
                # What lies below the base code must not show in the image either.
                below = None if basecode_layer == f"x{i - 1:02d}" else image
                image = rgb if below is None else rgb + F.interpolate(below, scale_factor=2)
        return {**results, "image": image}
