"""A miniature style-based generator whose weights are drawn from a seed: 128x128 pictures, no checkpoint.

It follows the definitions of StyleGAN2 (Karras et al., 2020) in small: a mapping network from Z to W, one
code per layer in W+, modulated and demodulated convolutions, and RGB skips. Nobody has trained it, so its
samples are blurs of colour; the weights are drawn so that it decodes well all the same, and a photograph can
be inverted with it through a feature map.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LRELU_SLOPE = 0.2
LRELU_GAIN = sqrt(2.0)
# The sum of all RGB outputs then has a standard deviation near 0.4, as photographs in [-1, 1] have.
RGB_GAIN = 0.12


def width(resolution: int) -> int:
    """Channels at a resolution."""
    return min(64, 4096 // resolution)


def lrelu(x: Tensor) -> Tensor:
    """Leaky ReLU with a gain that keeps the second moment of a standard normal input near one."""
    return F.leaky_relu(x, LRELU_SLOPE) * LRELU_GAIN


def upsample(x: Tensor) -> Tensor:
    """Double the resolution: (N, C, H, W) -> (N, C, 2H, 2W)."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def normal(rng: torch.Generator, *shape: int, std: float = 1.0) -> nn.Parameter:
    """A parameter drawn from N(0, std^2) with its own random stream, never the global one."""
    return nn.Parameter(torch.randn(*shape, generator=rng) * std)


class Linear(nn.Module):
    """An affine map (N, in_dim) -> (N, out_dim) with weights of variance 1 / in_dim."""

    def __init__(
        self,
        rng: torch.Generator,
        in_dim: int,
        out_dim: int,
        bias_mean: float,
        bias_std: float,
    ) -> None:
        super().__init__()
        self.weight = normal(rng, out_dim, in_dim, std=1 / sqrt(in_dim))
        self.bias = nn.Parameter(bias_mean + torch.randn(out_dim, generator=rng) * bias_std)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)


class Mapping(nn.Module):
    """The mapping network, Z -> W, repeated for every layer of the synthesis network."""

    w_avg: Tensor

    def __init__(
        self,
        rng: torch.Generator,
        z_dim: int,
        w_dim: int,
        num_ws: int,
        num_layers: int = 4,
    ) -> None:
        super().__init__()
        self.num_ws = num_ws
        in_dims = [z_dim] + [w_dim] * (num_layers - 1)
        # Random biases move the centre of W off zero and make the network more than a map of directions.
        self.layers = nn.ModuleList(Linear(rng, dim, w_dim, bias_mean=0.0, bias_std=0.5) for dim in in_dims)
        self.register_buffer("w_avg", torch.zeros(w_dim))
        self._measure_centre(torch.randn(4096, z_dim, generator=rng))

    def forward(
        self,
        z: Tensor,
        c: Tensor | None = None,
        truncation_psi: float = 1,
        truncation_cutoff: int | None = None,
    ) -> Tensor:
        """Map codes z (N, z_dim), of any length, to ws (N, num_ws, w_dim).

        truncation_psi pulls the codes of the first truncation_cutoff layers (all of them by default) towards
        w_avg; 1 leaves them alone. c is there for the usual signature: the generator knows no classes.
        """
        if c is not None:
            raise ValueError("this generator is unconditional: c must be None")
        ws = self._embed(z).unsqueeze(1).repeat(1, self.num_ws, 1)
        if truncation_psi == 1:
            return ws
        head = self.w_avg.lerp(ws[:, :truncation_cutoff], truncation_psi)
        return torch.cat([head, ws[:, head.shape[1] :]], dim=1)

    def _embed(self, z: Tensor) -> Tensor:
        x = z * (z.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.layers:
            x = lrelu(layer(x))
        return x

    @torch.no_grad()
    def _measure_centre(self, z: Tensor) -> None:
        self.w_avg.copy_(self._embed(z).mean(dim=0))


class ModulatedConv(nn.Module):
    """A convolution whose input channels are scaled by a style, an affine map of w."""

    def __init__(
        self,
        rng: torch.Generator,
        w_dim: int,
        in_channels: int,
        out_channels: int,
        kernel: int,
        demodulate: bool,
    ) -> None:
        super().__init__()
        self.demodulate = demodulate
        self.affine = Linear(rng, w_dim, in_channels, bias_mean=1.0, bias_std=0.0)
        white = torch.randn(out_channels, in_channels, kernel, kernel, generator=rng) / sqrt(in_channels)
        self.weight = nn.Parameter(white * centred_window(kernel))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """(N, in_channels, H, W) and (N, w_dim) -> (N, out_channels, H, W)."""
        style = self.affine(w)  # [N, in_channels]
        # Scaling activations instead of weights gives the same result and needs no grouped convolution.
        x = F.conv2d(x * style[:, :, None, None], self.weight, padding=self.weight.shape[-1] // 2)
        if self.demodulate:
            energy = self.weight.square().sum(dim=(2, 3))  # [out_channels, in_channels]
            x = x * (F.linear(style.square(), energy) + 1e-8).rsqrt()[:, :, None, None]
        return x


def centred_window(kernel: int) -> Tensor:
    """A (kernel, kernel) window of unit energy, heaviest in the middle.

    Trained filters look at their own pixel first. White ones blur a little more with every layer, and fine
    detail could not pass through a stack of them.
    """
    line = torch.tensor([exp(-((i - kernel // 2) ** 2)) for i in range(kernel)])
    window = torch.outer(line, line)
    return window / window.square().sum().sqrt()


class StyledLayer(nn.Module):
    """Modulated 3x3 convolution, constant noise, bias and leaky ReLU; with up, at twice the resolution."""

    noise: Tensor

    def __init__(
        self,
        rng: torch.Generator,
        w_dim: int,
        in_channels: int,
        out_channels: int,
        resolution: int,
        up: bool,
    ) -> None:
        super().__init__()
        self.up = up
        self.conv = ModulatedConv(rng, w_dim, in_channels, out_channels, kernel=3, demodulate=True)
        self.register_buffer("noise", torch.randn(resolution, resolution, generator=rng))
        self.noise_strength = nn.Parameter(torch.tensor(0.02))
        self.bias = normal(rng, out_channels, std=0.1)

    def forward(self, x: Tensor, w: Tensor, noise_mode: str) -> Tensor:
        x = self.conv(upsample(x) if self.up else x, w)
        if noise_mode == "const":
            x = x + self.noise * self.noise_strength
        return lrelu(x + self.bias[:, None, None])


class Block(nn.Module):
    """All layers of one resolution: one or two styled layers, then the RGB output that joins the skip."""

    def __init__(self, rng: torch.Generator, w_dim: int, resolution: int, first_ws: int) -> None:
        super().__init__()
        self.resolution = resolution
        in_channels, out_channels = width(resolution // 2), width(resolution)
        layers = [StyledLayer(rng, w_dim, out_channels, out_channels, resolution, up=False)]
        if resolution > 4:
            layers.insert(0, StyledLayer(rng, w_dim, in_channels, out_channels, resolution, up=True))
        self.layers = nn.ModuleList(layers)
        self.to_rgb = ModulatedConv(rng, w_dim, out_channels, 3, kernel=1, demodulate=False)
        # The layers use ws[:, first_ws:next_ws]; the RGB output shares its code with the layer after them.
        self.first_ws, self.next_ws = first_ws, first_ws + len(layers)

    def forward(self, x: Tensor, image: Tensor, ws: Tensor, noise_mode: str) -> tuple[Tensor, Tensor]:
        """Feature and picture of the block before, and ws (N, num_ws, w_dim), to feature and picture here."""
        for i, layer in enumerate(self.layers, start=self.first_ws):
            x = layer(x, ws[:, i], noise_mode)
        return x, self.add_rgb(x, image, ws)

    def add_rgb(self, x: Tensor, image: Tensor, ws: Tensor) -> Tensor:
        """Add what the feature x shows to the picture before, (N, 3, resolution / 2, resolution / 2)."""
        rgb: Tensor = self.to_rgb(x, ws[:, self.next_ws])
        return upsample(image) + rgb * RGB_GAIN


class Synthesis(nn.Module):
    """The synthesis network: W+ to pictures, with or without a feature map in place of the coarse layers."""

    def __init__(
        self,
        rng: torch.Generator,
        w_dim: int,
        img_resolution: int,
        feature_resolution: int,
    ) -> None:
        super().__init__()
        self.feature_resolution = feature_resolution
        self.const = normal(rng, 1, width(4), 4, 4)
        blocks = [Block(rng, w_dim, 4, first_ws=0)]
        while blocks[-1].resolution < img_resolution:
            blocks.append(Block(rng, w_dim, 2 * blocks[-1].resolution, first_ws=blocks[-1].next_ws))
        self.num_ws = blocks[-1].next_ws + 1
        coarse = [block for block in blocks if block.resolution <= feature_resolution]
        self.coarse = nn.ModuleList(coarse)
        self.fine = nn.ModuleList(blocks[len(coarse) :])
        # The first code that still counts where a feature is given.
        self.feature_ws = coarse[-1].next_ws

    def forward(self, ws: Tensor, feature: Tensor | None = None, noise_mode: str = "const") -> Tensor:
        """Codes (N, num_ws, w_dim) to pictures (N, 3, img_resolution, img_resolution), mostly in [-1, 1].

        A feature (N, C, feature_resolution, feature_resolution) replaces the output of the block of that
        resolution: ws[:, :feature_ws] and the noise up to there are then unused, and the RGB skip starts
        there. noise_mode is "const" or "none".
        """
        if noise_mode not in ("const", "none"):
            raise ValueError(f"noise_mode must be 'const' or 'none', not {noise_mode!r}")
        if feature is None:
            x, image = self._run_coarse(ws, noise_mode)
        else:
            x = feature
            image = cast(Block, self.coarse[-1]).add_rgb(x, blank(ws, self.feature_resolution // 2), ws)
        for block in self.fine:
            x, image = block(x, image, ws, noise_mode)
        return image

    def feature(self, ws: Tensor, noise_mode: str = "const") -> Tensor:
        """The feature map (N, C, feature_resolution, feature_resolution) that the codes alone give."""
        return self._run_coarse(ws, noise_mode)[0]

    def _run_coarse(self, ws: Tensor, noise_mode: str) -> tuple[Tensor, Tensor]:
        x = self.const.expand(len(ws), -1, -1, -1)
        image = blank(ws, 2)
        for block in self.coarse:
            x, image = block(x, image, ws, noise_mode)
        return x, image


def blank(ws: Tensor, resolution: int) -> Tensor:
    """The mid-grey picture (N, 3, resolution, resolution) that the RGB skip starts from."""
    return ws.new_zeros(len(ws), 3, resolution, resolution)


class Generator(nn.Module):
    """Mapping and synthesis together: Z -> W+ -> pictures (N, 3, img_resolution, img_resolution)."""

    def __init__(
        self,
        rng: torch.Generator,
        z_dim: int = 64,
        w_dim: int = 64,
        img_resolution: int = 128,
        feature_resolution: int = 32,
    ) -> None:
        super().__init__()
        self.z_dim, self.w_dim, self.img_resolution = z_dim, w_dim, img_resolution
        self.synthesis = Synthesis(rng, w_dim, img_resolution, feature_resolution)
        self.num_ws = self.synthesis.num_ws
        self.mapping = Mapping(rng, z_dim, w_dim, self.num_ws)

    def forward(self, z: Tensor, truncation_psi: float = 1, noise_mode: str = "const") -> Tensor:
        """Codes z (N, z_dim) to pictures, one code for all layers."""
        ws = self.mapping(z, truncation_psi=truncation_psi)
        image: Tensor = self.synthesis(ws, noise_mode=noise_mode)
        return image


def build_generator(seed: int = 0) -> Generator:
    """The generator of a seed, ready for inversion: in evaluation mode, its weights frozen."""
    rng = torch.Generator().manual_seed(seed)
    return Generator(rng).eval().requires_grad_(False)
