"""A small generator in StyleGAN2's manner: blocks of modulated convolutions and a sum of RGB outputs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch_utils import misc, persistence
from torch_utils.ops import bias_act, conv2d_gradfix, upfirdn2d


@persistence.persistent_class
class FullyConnectedLayer(nn.Module):
    """A layer with scaled weights."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str = "linear",
        lr_multiplier: float = 1,
        bias_init: float = 0,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full([out_features], float(bias_init)))
        self.weight_gain = lr_multiplier / np.sqrt(in_features)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        x = x.matmul((self.weight * self.weight_gain).t())
        return bias_act.bias_act(x, self.bias * self.bias_gain, act=self.activation)


@persistence.persistent_class
class MappingNetwork(nn.Module):
    """Z -> W, repeated for every layer, truncated if asked for."""

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int,
        num_layers: int = 4,
        lr_multiplier: float = 0.01,
    ) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.c_dim = c_dim
        self.w_dim = w_dim
        self.num_ws = num_ws
        self.num_layers = num_layers
        for i, (before, after) in enumerate(pairwise([z_dim] + [w_dim] * num_layers)):
            self.add_module(f"fc{i}", FullyConnectedLayer(before, after, "lrelu", lr_multiplier))
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor,
        c: Tensor | None,
        truncation_psi: float = 1,
        truncation_cutoff: int | None = None,
        update_emas: bool = False,
    ) -> Tensor:
        """Codes (N, z_dim) to styles (N, num_ws, w_dim)."""
        misc.assert_shape(z, [None, self.z_dim])
        x = z.float() * (z.float().square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for i in range(self.num_layers):
            x = self.get_submodule(f"fc{i}")(x)
        ws = x.unsqueeze(1).repeat(1, self.num_ws, 1)
        if truncation_psi != 1:
            ws[:, :truncation_cutoff] = self.w_avg.lerp(ws[:, :truncation_cutoff], truncation_psi)
        return ws


class ModulatedConv(nn.Module):
    """Scale the input channels by a style, then convolve."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, kernel_size: int) -> None:
        super().__init__()
        self.affine = FullyConnectedLayer(w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def modulate(self, x: Tensor, w: Tensor) -> Tensor:
        weight = self.weight / self.weight[0].numel() ** 0.5
        return conv2d_gradfix.conv2d(x * self.affine(w)[:, :, None, None], weight, padding=weight.shape[-1] // 2)


@persistence.persistent_class
class SynthesisLayer(ModulatedConv):
    """A modulated convolution with noise, random by default, after upsampling if asked for."""

    resample_filter: Tensor
    noise_const: Tensor

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int, up: int = 1) -> None:
        super().__init__(in_channels, out_channels, w_dim, kernel_size=3)
        self.resolution = resolution
        self.up = up
        self.register_buffer("resample_filter", upfirdn2d.setup_filter([1, 3, 3, 1]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, w: Tensor, noise_mode: str = "random") -> Tensor:
        x = self.modulate(upfirdn2d.upsample2d(x, self.resample_filter) if self.up > 1 else x, w)
        x = x * (x.square().mean((1, 2, 3), keepdim=True) + 1e-8).rsqrt()
        if noise_mode == "random":
            x = x + torch.randn(len(x), 1, *x.shape[2:], device=x.device) * self.noise_strength
        elif noise_mode == "const":
            x = x + self.noise_const * self.noise_strength
        return bias_act.bias_act(x, self.bias, act="lrelu")


@persistence.persistent_class
class ToRGBLayer(ModulatedConv):
    """Features to colours."""

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return bias_act.bias_act(self.modulate(x, w), self.bias)


@persistence.persistent_class
class SynthesisBlock(nn.Module):
    """All layers of one resolution; at most two convolutions and one RGB output, which shares the next code."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int, img_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.w_dim = w_dim
        self.resolution = resolution
        self.num_conv = 2 if in_channels else 1
        self.num_torgb = 1
        self.register_buffer("resample_filter", upfirdn2d.setup_filter([1, 3, 3, 1]))
        if in_channels:
            self.conv0 = SynthesisLayer(in_channels, out_channels, w_dim, resolution, up=2)
        else:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        self.conv1 = SynthesisLayer(out_channels, out_channels, w_dim, resolution)
        self.torgb = ToRGBLayer(out_channels, img_channels, w_dim, kernel_size=1)

    def forward(self, x: Tensor | None, img: Tensor | None, ws: Tensor, **layer_kwargs: Any) -> tuple[Tensor, Tensor]:
        """Features and image of half this resolution to those of this one; ws (N, num_conv + num_torgb, w_dim)."""
        misc.assert_shape(ws, [None, self.num_conv + self.num_torgb, self.w_dim])
        codes = iter(ws.unbind(1))
        x = self.const.repeat(len(ws), 1, 1, 1) if x is None else self.conv0(x, next(codes), **layer_kwargs)
        x = self.conv1(x, next(codes), **layer_kwargs)
        rgb = self.torgb(x, next(codes))
        return x, rgb if img is None else upfirdn2d.upsample2d(img, self.resample_filter) + rgb


@persistence.persistent_class
class SynthesisNetwork(nn.Module):
    """W+ -> image."""

    def __init__(
        self,
        w_dim: int,
        img_resolution: int,
        img_channels: int,
        channel_base: int = 2048,
        channel_max: int = 32,
        num_fp16_res: int = 4,
    ) -> None:
        super().__init__()
        self.w_dim = w_dim
        self.img_resolution = img_resolution
        self.block_resolutions = [2**i for i in range(2, img_resolution.bit_length())]
        self.num_ws = 1
        before = 0
        for resolution in self.block_resolutions:
            after = min(channel_base // resolution, channel_max)
            block = SynthesisBlock(before, after, w_dim, resolution, img_channels)
            self.add_module(f"b{resolution}", block)
            self.num_ws += block.num_conv
            before = after

    def forward(self, ws: Tensor, **block_kwargs: Any) -> Tensor:
        """Styles (N, num_ws, w_dim) to images (N, img_channels, H, W)."""
        misc.assert_shape(ws, [None, self.num_ws, self.w_dim])
        x = img = None
        start = 0
        for resolution in self.block_resolutions:
            block = self.get_submodule(f"b{resolution}")
            x, img = block(x, img, ws.narrow(1, start, block.num_conv + block.num_torgb), **block_kwargs)
            start += block.num_conv
        return img


@persistence.persistent_class
class Generator(nn.Module):
    """Mapping and synthesis under the names that scripts use."""

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        img_resolution: int,
        img_channels: int,
        **synthesis_kwargs: Any,
    ) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.c_dim = c_dim
        self.w_dim = w_dim
        self.img_resolution = img_resolution
        self.img_channels = img_channels
        self.synthesis = SynthesisNetwork(w_dim, img_resolution, img_channels, **synthesis_kwargs)
        self.num_ws = self.synthesis.num_ws
        self.mapping = MappingNetwork(z_dim, c_dim, w_dim, self.num_ws)

    def forward(
        self,
        z: Tensor,
        c: Tensor | None,
        truncation_psi: float = 1,
        truncation_cutoff: int | None = None,
        **synthesis_kwargs: Any,
    ) -> Tensor:
        """Codes (N, z_dim) to images (N, img_channels, H, W)."""
        ws = self.mapping(z, c, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff)
        return self.synthesis(ws, **synthesis_kwargs)
