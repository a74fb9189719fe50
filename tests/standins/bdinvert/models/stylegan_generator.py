"""A small generator in StyleGAN's manner: convolutions, each followed by adaptive instance normalisation."""

from __future__ import annotations

from itertools import pairwise
from math import log2, sqrt
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .layers import Dense, PixelNormLayer, check_styles

__all__ = ["StyleGANGenerator"]

CHANNELS = 32


class StyleGANGenerator(nn.Module):
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


class BlurLayer(nn.Module):
    """A filter of 1, 2, 1 along each axis, with a copy for every channel."""

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("kernel", taps.outer(taps).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.kernel, padding=1, groups=len(self.kernel))


class NoiseLayer(nn.Module):
    """Adds noise, of a strength for each channel."""

    noise: Tensor

    def __init__(self, resolution: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(CHANNELS))
        self.register_buffer("noise", torch.randn(1, 1, resolution, resolution))

    def forward(self, x: Tensor, randomize_noise: bool) -> Tensor:
        noise = torch.randn(len(x), 1, *x.shape[2:]).to(x) if randomize_noise else self.noise
        return x + noise * self.weight[:, None, None]


class ConvBlock(nn.Module):
    """A convolution with noise, then a style.

    The first block has a constant in the convolution's place, the last one nothing but the convolution.
    """

    def __init__(self, w_space_dim: int, resolution: int, position: str | None, upsample: bool) -> None:
        super().__init__()
        self.position, last = position, position == "last"
        channels = 3 if last else CHANNELS
        self.upsample = upsample
        self.blur = BlurLayer(channels) if upsample else nn.Identity()
        if position == "const_init":
            self.const = nn.Parameter(torch.ones(1, CHANNELS, resolution, resolution))
        else:
            kernel = 1 if last else 3
            self.weight = nn.Parameter(torch.randn(channels, CHANNELS, kernel, kernel) / (CHANNELS * kernel**2) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.bscale = 1.0
        self.activate = nn.Identity() if last else nn.LeakyReLU(0.2, inplace=True)
        if not last:
            self.apply_noise = NoiseLayer(resolution)
            self.affine = Dense(w_space_dim, 2 * CHANNELS)

    def forward(
        self, x: Tensor | None, w: Tensor, randomize_noise: bool = False, basecode: Tensor | None = None
    ) -> Any:
        """The feature map before and after its style; the base code replaces it before both. The last: an image."""
        if x is None or self.position == "const_init":
            x = self.const.repeat(len(w), 1, 1, 1)
        else:
            x = F.interpolate(x, scale_factor=2) if self.upsample else x
            x = self.blur(F.conv2d(x, self.weight, padding=self.weight.shape[-1] // 2))
        bias = None if self.bias is None else self.bias[:, None, None] * self.bscale
        if self.position == "last":
            return x if bias is None else x + bias
        x = self.apply_noise(x, randomize_noise)
        x = self.activate(x if bias is None else x + bias)
        plain = F.instance_norm(x if basecode is None else basecode)
        scale, shift = self.affine(w)[:, :, None, None].chunk(2, dim=1)
        return plain, plain * (1 + scale) + shift


class SynthesisModule(nn.Module):
    """W+ -> image."""

    lod: Tensor

    def __init__(self, num_layers: int, w_space_dim: int) -> None:
        super().__init__()
        self.num_layers = num_layers
        self.w_space_dim = w_space_dim
        self.register_buffer("lod", torch.zeros(()))
        for i in range(num_layers):
            position = None if i else "const_init"
            layer = ConvBlock(w_space_dim, 4 << i // 2, position, upsample=i > 0 and i % 2 == 0)
            self.add_module(f"layer{i}", layer)
        self.output0 = ConvBlock(w_space_dim, 4 << (num_layers - 1) // 2, "last", upsample=False)

    def forward(
        self,
        wp: Tensor,
        lod: float | None = None,
        randomize_noise: bool = False,
        basecode_layer: str | None = None,
        basecode: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Images under ``image``, feature maps under ``x00``, ``x01``, ... and ``x_before_styled00``, ..."""
        check_styles(wp, self.num_layers, self.w_space_dim)
        results, x = {"wp": wp}, None
        for i in range(self.num_layers):
            replacement = basecode if basecode_layer == f"x{i:02d}" else None
            # Only the first layer is told about random noise: a peculiarity of the original.
            plain, x = self.get_submodule(f"layer{i}")(x, wp[:, i], randomize_noise and i == 0, replacement)
            results[f"x_before_styled{i:02d}"], results[f"x{i:02d}"] = plain, x
        return {**results, "image": self.output0(x, wp[:, -1])}
