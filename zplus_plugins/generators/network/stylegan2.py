"""StyleGAN2's generator (Karras et al., 2020: arXiv 1912.04958, 2006.06676), with skip connections for RGB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from zplus_plugins.errors import GeneratorError, LatentError
from zplus_plugins.generators.network.architecture import Architecture
from zplus_plugins.generators.network.layers import Block, Dense, Noise
from zplus_plugins.ops import setup_filter, upsample2d

__all__ = ["Architecture", "Generator", "Mapping"]


class Mapping(nn.Module):
    """The mapping network from Z to W, (..., z_dim) -> (..., w_dim); it first normalises z to length sqrt(z_dim)."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        dims = [a.z_dim, *[a.mapping_dim or a.w_dim] * (a.mapping_layers - 1), a.w_dim]
        self.layers = nn.Sequential(*(Dense(*sizes, "lrelu", a.mapping_lr_multiplier) for sizes in pairwise(dims)))

    def forward(self, z: Tensor) -> Tensor:
        w: Tensor = self.layers(z * (z.square().mean(dim=-1, keepdim=True) + 1e-8).rsqrt())
        return w


class Generator(nn.Module):
    """A StyleGAN2 generator. Images have shape (B, 3, R, R), with values mostly in [-1, 1].

    The spaces, as named in arXiv 2307.08995: Z and W are the input and output of ``mapping``; codes in W+ have shape
    (B, L, w_dim), one for each layer; S is the output of ``styles``; F is the features after a block. A block's RGB
    layer shares its code with the layer that follows it; the last RGB layer has its own.

    Args:
        architecture: the sizes. The weights are initialised from torch's global random numbers.

    Attributes:
        w_mean: the mean code in W (``w_avg``), shape (w_dim,); zeros until it is set.
        num_layers: L.
    """

    w_mean: Tensor
    taps: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.num_layers = a.num_layers
        self.mapping = Mapping(a)
        self.const = nn.Parameter(torch.randn(a.channels[0], 4, 4))
        inputs = (None, *a.channels)
        shapes = zip(inputs, a.channels, a.resolutions, strict=False)
        self.blocks = nn.ModuleList(Block(a.w_dim, *shape, clamp=a.conv_clamp) for shape in shapes)
        self.register_buffer("w_mean", torch.zeros(a.w_dim))
        self.register_buffer("taps", self.filter(), persistent=False)

    def filter(self) -> Tensor:
        """The low-pass filter (taps, taps) of the architecture, on the device of the weights."""
        return setup_filter(self.architecture.taps, self.const.device, separable=False)

    def forward(self, z: Tensor, noise: Noise = "const") -> Tensor:
        """Images (B, 3, R, R) from codes in Z (B, z_dim) or Z+ (B, L, z_dim)."""
        w = self.mapping(z)
        return self.synthesis(w if w.ndim == 3 else w[:, None].expand(-1, self.num_layers, -1), noise=noise)

    def styles(self, w: Tensor) -> list[Tensor]:
        """The style vectors (B, inputs) of all layers in the order of use: the RGB layer follows its block.

        Raises:
            LatentError: w does not have shape (B, L, w_dim).
        """
        expected = (self.num_layers, self.architecture.w_dim)
        if w.ndim != 3 or w.shape[1:] != expected:
            raise LatentError(f"w has shape {tuple(w.shape)}; expected (B, {expected[0]}, {expected[1]}).")
        vectors = []
        layer = 0
        for block in self._blocks():
            vectors += [module.style(w[:, layer + k]) for k, module in enumerate(block.layers)]
            layer += len(block.layers) - 1  # the RGB layer shares its code with the next block
        return vectors

    def synthesis(
        self,
        w: Tensor | None = None,
        *,
        styles: Sequence[Tensor] | None = None,
        f: Tensor | None = None,
        f_resolution: int | None = None,
        noise: Noise = "const",
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        """Images (B, 3, R, R).

        Args:
            w: codes (B, L, w_dim), or:
            styles: style vectors, as returned by :meth:`styles`.
            f: features (B, C, r, r) that replace the output of the second convolution of the block with resolution r.
                Codes before :meth:`first_layer_after`, and the noise and RGB of earlier blocks, then have no effect.
            f_resolution: r; None takes it from f.
            noise: ``const`` uses the network's noise buffers, ``random`` draws new noise, ``none`` adds no noise.
            dtype: dtype of the convolutions, such as bfloat16; None for that of the parameters, which RGB always has.

        Raises:
            LatentError: both or neither of w and styles were given, or a shape is wrong.
            GeneratorError: no block has the resolution of f.
        """
        if (w is None) == (styles is None):
            raise LatentError("Expected exactly one of w and styles.")
        vectors = self.styles(w) if w is not None else list(styles or ())
        if len(vectors) != 3 * len(self.blocks) - 1:
            raise LatentError(f"There are {len(vectors)} style vectors; expected {3 * len(self.blocks) - 1}.")
        picture: Tensor | None = None
        for index, x in self._features(vectors, noise, dtype, f, f_resolution):
            rgb: Tensor = self._blocks()[index].to_rgb(x, vectors[3 * index + 1])
            picture = rgb if picture is None else upsample2d(picture, self.taps.float()) + rgb
        return cast(Tensor, picture)

    def features(
        self, w: Tensor, f_resolution: int, noise: Noise = "const", dtype: torch.dtype | None = None
    ) -> Tensor:
        """The features (B, C, r, r) that ``f`` of :meth:`synthesis` replaces: the output of a second convolution."""
        wanted = self._index_of(f_resolution)
        return next(x for index, x in self._features(self.styles(w), noise, dtype) if index == wanted)

    def first_layer_after(self, f_resolution: int) -> int:
        """Index of the first code that still has an effect when f replaces the features of that resolution.

        Raises:
            GeneratorError: no block has that resolution.
        """
        return 2 * self._index_of(f_resolution) + 1

    def first_style_after(self, f_resolution: int) -> int:
        """The same for :meth:`styles`: the index of the RGB layer of that resolution."""
        return 3 * self._index_of(f_resolution) + 1

    def _features(
        self,
        styles: list[Tensor],
        noise: Noise,
        dtype: torch.dtype | None,
        f: Tensor | None = None,
        f_resolution: int | None = None,
    ) -> Iterator[tuple[int, Tensor]]:
        """Pairs of a block's index and the features after it, starting at the first block, or at that of f."""
        first = 0
        x = self.const.expand(len(styles[0]), -1, -1, -1) if f is None else f
        x = x.to(dtype or self.const.dtype)
        if x.dtype != self.const.dtype:  # where it is faster; float32 keeps its bits
            x = x.contiguous(memory_format=torch.channels_last)
        if f is not None:
            first = self._index_of(f.shape[-1] if f_resolution is None else f_resolution)
            self._check_features(f, first)
            yield first, x
            first += 1
        for index in range(first, len(self.blocks)):
            own = styles[max(0, 3 * index - 1) : 3 * index + 2]
            x = self._blocks()[index](x, own, self.taps.float(), noise)  # the operations require float32 filters
            yield index, x

    def _check_features(self, f: Tensor, index: int) -> None:
        channels, resolution = self.architecture.channels[index], self.architecture.resolutions[index]
        if f.ndim != 4 or f.shape[1:] != (channels, resolution, resolution):
            raise LatentError(
                f"The features have shape {tuple(f.shape)}; expected (B, {channels}, {resolution}, {resolution})."
            )

    def _index_of(self, resolution: int) -> int:
        if resolution not in self.architecture.resolutions:
            known = ", ".join(map(str, self.architecture.resolutions))
            raise GeneratorError(f"There are no features of resolution {resolution}; this generator has {known}.")
        return self.architecture.resolutions.index(resolution)

    def _blocks(self) -> list[Block]:
        return cast("list[Block]", list(self.blocks))
