"""A StyleGAN2 generator of ours with the classes and arguments of stylegan2-ada-pytorch.

PTI has no network code: its pickles bring their own, which ``torch_utils.persistence`` stores inside them.
:mod:`support.pti_build` imports this file under the original's name, ``training.networks``, so a pickle
that it writes carries this source, and only a repository's ``dnnlib`` and ``torch_utils`` are needed to read it.
"""

from __future__ import annotations

from math import log2, sqrt

import torch
from torch import Tensor, nn
from torch_utils import misc, persistence  # type: ignore[import-not-found]
from torch_utils.ops import bias_act, conv2d_resample, upfirdn2d  # type: ignore[import-not-found]

RESAMPLE = [1, 3, 3, 1]


def modulated_conv2d(
    x: Tensor,  # (N, in, h, w)
    weight: Tensor,  # (out, in, k, k)
    styles: Tensor,  # (N, in)
    noise: Tensor | None = None,
    up: int = 1,
    padding: int = 0,
    resample_filter: Tensor | None = None,
    demodulate: bool = True,
    flip_weight: bool = True,
    fused_modconv: bool = True,
) -> Tensor:
    """Scale the input channels by a style, convolve, add the noise; ``fused_modconv`` scales the weights instead."""
    scaled = weight * styles[:, None, :, None, None]  # (N, out, in, k, k)
    norm = (scaled.square().sum((2, 3, 4)) + 1e-8).rsqrt() if demodulate else styles.new_ones(len(x), len(weight))
    options = {"f": resample_filter, "up": up, "padding": padding, "flip_weight": flip_weight}
    if fused_modconv:
        grouped = (scaled * norm[:, :, None, None, None]).flatten(0, 1)
        y = conv2d_resample.conv2d_resample(x=x.flatten(0, 1)[None], w=grouped, groups=len(x), **options)
        y = y.reshape(len(x), -1, *y.shape[2:])
    else:
        y = conv2d_resample.conv2d_resample(x=x * styles[:, :, None, None], w=weight, **options)
        y = y * norm[:, :, None, None]
    return y if noise is None else y + noise


@persistence.persistent_class
class FullyConnectedLayer(nn.Module):
    """A linear layer whose weights are scaled as it runs."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str = "linear",
        lr_multiplier: float = 1.0,
        bias_init: float = 0.0,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), float(bias_init)))
        self.weight_gain = lr_multiplier / sqrt(in_features)
        self.bias_gain = lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        y = x @ (self.weight * self.weight_gain).t()
        return bias_act.bias_act(y, self.bias * self.bias_gain, act=self.activation)


@persistence.persistent_class
class MappingNetwork(nn.Module):
    """Z -> W, broadcast to W+ and truncated; in training mode every call moves ``w_avg``."""

    w_avg: Tensor

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        num_ws: int,
        num_layers: int = 8,
        lr_multiplier: float = 0.01,
        w_avg_beta: float = 0.995,
    ) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.c_dim = c_dim
        self.w_dim = w_dim
        self.num_ws = num_ws
        self.num_layers = num_layers
        self.w_avg_beta = w_avg_beta
        for index in range(num_layers):
            layer = FullyConnectedLayer(w_dim if index else z_dim, w_dim, "lrelu", lr_multiplier)
            setattr(self, f"fc{index}", layer)
        self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(
        self,
        z: Tensor,
        c: Tensor | None,
        truncation_psi: float = 1,
        truncation_cutoff: int | None = None,
        skip_w_avg_update: bool = False,
    ) -> Tensor:
        """Codes (N, z_dim) of any float type to styles (N, num_ws, w_dim)."""
        misc.assert_shape(z, [None, self.z_dim])
        x = z.float()
        x = x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for index in range(self.num_layers):
            x = getattr(self, f"fc{index}")(x)
        if self.training and not skip_w_avg_update:
            self.w_avg.copy_(x.detach().mean(dim=0).lerp(self.w_avg, self.w_avg_beta))
        ws = x[:, None].repeat(1, self.num_ws, 1)
        if truncation_psi != 1:
            cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
            ws[:, :cutoff] = self.w_avg.lerp(ws[:, :cutoff], truncation_psi)
        return ws


@persistence.persistent_class
class SynthesisLayer(nn.Module):
    """A modulated convolution with noise, after upsampling if asked for."""

    noise_const: Tensor
    resample_filter: Tensor

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int, up: int = 1) -> None:
        super().__init__()
        self.resolution = resolution
        self.up = up
        self.activation, self.use_noise, self.conv_clamp = "lrelu", True, None
        self.affine = FullyConnectedLayer(w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 3, 3))
        self.register_buffer("resample_filter", upfirdn2d.setup_filter(RESAMPLE))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor, w: Tensor, noise_mode: str = "random", fused_modconv: bool = True) -> Tensor:
        noise = None
        if noise_mode == "random":
            noise = self.noise_strength * torch.randn(len(x), 1, self.resolution, self.resolution, device=x.device)
        elif noise_mode == "const":
            noise = self.noise_strength * self.noise_const
        else:
            assert noise_mode == "none"
        y = modulated_conv2d(
            x=x,
            weight=self.weight,
            styles=self.affine(w),
            noise=noise,
            up=self.up,
            padding=1,
            resample_filter=self.resample_filter,
            flip_weight=self.up == 1,
            fused_modconv=fused_modconv,
        )
        return bias_act.bias_act(y, self.bias, act="lrelu")


@persistence.persistent_class
class ToRGBLayer(nn.Module):
    """A modulated convolution to colours."""

    def __init__(self, in_channels: int, out_channels: int, w_dim: int) -> None:
        super().__init__()
        self.affine = FullyConnectedLayer(w_dim, in_channels, bias_init=1)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        self.weight_gain, self.conv_clamp = 1 / sqrt(in_channels), None

    def forward(self, x: Tensor, w: Tensor, fused_modconv: bool = True) -> Tensor:
        styles = self.affine(w) * self.weight_gain
        y = modulated_conv2d(x, self.weight, styles, demodulate=False, fused_modconv=fused_modconv)
        return bias_act.bias_act(y, self.bias)


@persistence.persistent_class
class SynthesisBlock(nn.Module):
    """One resolution: two convolutions (one in the first block) and a skip connection to the image."""

    resample_filter: Tensor

    def __init__(self, in_channels: int, out_channels: int, w_dim: int, resolution: int, img_channels: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.resolution = resolution
        self.register_buffer("resample_filter", upfirdn2d.setup_filter(RESAMPLE))
        self.num_conv, self.num_torgb = (2 if in_channels else 1), 1
        self.architecture = "skip"
        if in_channels:
            self.conv0 = SynthesisLayer(in_channels, out_channels, w_dim, resolution, up=2)
        else:
            self.const = nn.Parameter(torch.randn(out_channels, resolution, resolution))
        self.conv1 = SynthesisLayer(out_channels, out_channels, w_dim, resolution)
        self.torgb = ToRGBLayer(out_channels, img_channels, w_dim)

    def forward(
        self,
        x: Tensor | None,
        img: Tensor | None,
        ws: Tensor,  # (N, num_conv + num_torgb, w_dim)
        noise_mode: str = "random",
        force_fp32: bool = False,  # always so; the original also has layers in half precision
        fused_modconv: bool | None = None,
    ) -> tuple[Tensor, Tensor]:
        fused = not self.training if fused_modconv is None else fused_modconv
        if self.in_channels:
            x = self.conv0(x, ws[:, 0], noise_mode, fused)
        else:
            x = self.const[None].repeat(len(ws), 1, 1, 1)
        x = self.conv1(x, ws[:, self.num_conv - 1], noise_mode, fused)
        rgb = self.torgb(x, ws[:, self.num_conv], fused)
        return x, rgb if img is None else upfirdn2d.upsample2d(img, self.resample_filter) + rgb


@persistence.persistent_class
class SynthesisNetwork(nn.Module):
    """W+ -> image."""

    def __init__(
        self, w_dim: int, img_resolution: int, img_channels: int, channel_base: int = 32768, channel_max: int = 512
    ) -> None:
        super().__init__()
        self.w_dim = w_dim
        self.img_resolution = img_resolution
        self.img_channels = img_channels
        self.block_resolutions = [2**power for power in range(2, int(log2(img_resolution)) + 1)]
        self.num_ws, before = 1, 0
        for resolution in self.block_resolutions:
            channels = min(channel_base // resolution, channel_max)
            block = SynthesisBlock(before, channels, w_dim, resolution, img_channels)
            setattr(self, f"b{resolution}", block)
            self.num_ws, before = self.num_ws + block.num_conv, channels

    def forward(
        self,
        ws: Tensor,
        noise_mode: str = "random",
        force_fp32: bool = False,
        fused_modconv: bool | None = None,
    ) -> Tensor:
        """Styles (N, num_ws, w_dim) to images (N, img_channels, img_resolution, img_resolution), about [-1, 1]."""
        misc.assert_shape(ws, [None, self.num_ws, self.w_dim])
        x = img = None
        first = 0
        for resolution in self.block_resolutions:
            block = getattr(self, f"b{resolution}")
            codes = ws[:, first : first + block.num_conv + block.num_torgb]
            x, img = block(x, img, codes, noise_mode, force_fp32, fused_modconv)
            first += block.num_conv  # colours share their code with the next block's first layer
        assert img is not None
        return img


@persistence.persistent_class
class Generator(nn.Module):
    """Mapping and synthesis under the names that PTI uses."""

    def __init__(
        self,
        z_dim: int,
        c_dim: int,
        w_dim: int,
        img_resolution: int,
        img_channels: int,
        mapping_kwargs: dict[str, object] | None = None,
        synthesis_kwargs: dict[str, object] | None = None,
    ) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.c_dim = c_dim
        self.w_dim = w_dim
        self.img_resolution = img_resolution
        self.img_channels = img_channels
        self.synthesis = SynthesisNetwork(w_dim, img_resolution, img_channels, **(synthesis_kwargs or {}))
        self.num_ws = self.synthesis.num_ws
        self.mapping = MappingNetwork(z_dim, c_dim, w_dim, self.num_ws, **(mapping_kwargs or {}))

    def forward(
        self,
        z: Tensor,
        c: Tensor | None,
        truncation_psi: float = 1,
        truncation_cutoff: int | None = None,
        noise_mode: str = "random",
        force_fp32: bool = False,
    ) -> Tensor:
        ws = self.mapping(z, c, truncation_psi, truncation_cutoff)
        return self.synthesis(ws, noise_mode=noise_mode, force_fp32=force_fp32)
