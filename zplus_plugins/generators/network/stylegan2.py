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
    """The network from Z to W, (..., z_dim) -> (..., w_dim); it brings z to the length sqrt(z_dim) first."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a = architecture
        dims = [a.z_dim, *[a.mapping_dim or a.w_dim] * (a.mapping_layers - 1), a.w_dim]
        self.layers = nn.Sequential(*(Dense(*sizes, "lrelu", a.mapping_lr_multiplier) for sizes in pairwise(dims)))

    def forward(self, z: Tensor) -> Tensor:
        w: Tensor = self.layers(z * (z.square().mean(dim=-1, keepdim=True) + 1e-8).rsqrt())
        return w


class Generator(nn.Module):
    """A StyleGAN2 generator. Pictures are of shape (B, 3, R, R), mostly in [-1, 1].

    The spaces, by the names of arXiv 2307.08995: Z and W are what ``mapping`` takes and gives; W+ has N codes,
    shape (B, N, w_dim); S is what ``styles`` gives; F is the features after a block. A block's RGB layer shares the
    code of the layer that follows it; the last one has its own.

    Args:
        architecture: the shape. The weights are drawn from torch's global random numbers.

    Attributes:
        w_mean: the mean code in W, shape (w_dim,); zeros until somebody sets it.
        num_layers: N.
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
        self.register_buffer("taps", setup_filter(a.taps, self.const.device, separable=False), persistent=False)

    def forward(self, z: Tensor, noise: Noise = "const") -> Tensor:
        """Pictures of codes in Z (B, z_dim) or Z+ (B, N, z_dim)."""
        w = self.mapping(z)
        return self.synthesis(w if w.ndim == 3 else w[:, None].expand(-1, self.num_layers, -1), noise=noise)

    def styles(self, w: Tensor) -> list[Tensor]:
        """The style vectors (B, inputs) of all layers in the order of use: convolutions, and RGB after its block.

        Raises:
            LatentError: w is not of shape (B, N, w_dim).
        """
        expected = (self.num_layers, self.architecture.w_dim)
        if w.ndim != 3 or w.shape[1:] != expected:
            raise LatentError(f"w is of shape {tuple(w.shape)}; expected (B, {expected[0]}, {expected[1]}).")
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
        """Pictures (B, 3, R, R).

        Args:
            w: codes (B, N, w_dim), or:
            styles: style vectors, as :meth:`styles` gives them.
            f: features (B, C, r, r) that replace those after block r's second convolution. Neither the codes before
                :meth:`first_layer_after`, nor the earlier noise and RGB have any influence then.
            f_resolution: r; None takes it from f.
            noise: ``const`` is part of the network, ``random`` is drawn anew, ``none`` is left away.
            dtype: of the convolutions, bfloat16 for instance; None for the parameters' own, which RGB always has.

        Raises:
            LatentError: w and styles were both given, or neither, or a shape is not as above.
            GeneratorError: there is no block of f's resolution.
        """
        if (w is None) == (styles is None):
            raise LatentError("Pictures are made of w or of styles; expected exactly one of them.")
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
        """The features (B, C, r, r) after block r's second convolution, which ``f`` of :meth:`synthesis` replaces."""
        wanted = self._index_of(f_resolution)
        return next(x for index, x in self._features(self.styles(w), noise, dtype) if index == wanted)

    def first_layer_after(self, f_resolution: int) -> int:
        """Index of the first code that still has an influence when f replaces the features of a resolution.

        Raises:
            GeneratorError: there is no block of that resolution.
        """
        return 2 * self._index_of(f_resolution) + 1

    def first_style_after(self, f_resolution: int) -> int:
        """The same for :meth:`styles`: the index of that resolution's RGB layer."""
        return 3 * self._index_of(f_resolution) + 1

    def _features(
        self,
        styles: list[Tensor],
        noise: Noise,
        dtype: torch.dtype | None,
        f: Tensor | None = None,
        f_resolution: int | None = None,
    ) -> Iterator[tuple[int, Tensor]]:
        """(block's index, features after it), from the first block on, or from that of f."""
        first = 0
        x = self.const.expand(len(styles[0]), -1, -1, -1) if f is None else f
        x = x.to(dtype or self.const.dtype)
        if f is not None:
            first = self._index_of(f.shape[-1] if f_resolution is None else f_resolution)
            self._check_features(f, first)
            yield first, x
            first += 1
        for index in range(first, len(self.blocks)):
            own = styles[max(0, 3 * index - 1) : 3 * index + 2]
            x = self._blocks()[index](x, own, self.taps.float(), noise)  # operations take float32 filters only
            yield index, x

    def _check_features(self, f: Tensor, index: int) -> None:
        channels, resolution = self.architecture.channels[index], self.architecture.resolutions[index]
        if f.ndim != 4 or f.shape[1:] != (channels, resolution, resolution):
            raise LatentError(
                f"The features are of shape {tuple(f.shape)}; expected (B, {channels}, {resolution}, {resolution})."
            )

    def _index_of(self, resolution: int) -> int:
        if resolution not in self.architecture.resolutions:
            known = ", ".join(map(str, self.architecture.resolutions))
            raise GeneratorError(f"There are no features of resolution {resolution}; this generator has {known}.")
        return self.architecture.resolutions.index(resolution)

    def _blocks(self) -> list[Block]:
        return cast("list[Block]", list(self.blocks))
