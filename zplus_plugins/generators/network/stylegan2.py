"""StyleGAN2's generator (Karras et al., 2020: arXiv 1912.04958, 2006.06676), with skip connections for RGB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from zplus_plugins.generators.network.architecture import Architecture, Sizes
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.network.layers import Block, Dense, Noise, drawn
from zplus_plugins.ops import setup_filter, upsample2d

__all__ = ["Architecture", "Generator", "Mapping"]


class Mapping(nn.Module):
    """The mapping network from Z to W, (..., z_dim) -> (..., w_dim); it first normalises z to length sqrt(z_dim)."""

    def __init__(self, architecture: Sizes) -> None:
        super().__init__()
        a = architecture
        dims = [a.z_dim, *[a.mapping_dim or a.w_dim] * (a.mapping_layers - 1), a.w_dim]
        self.layers = nn.Sequential(*(Dense(*sizes, "lrelu", a.mapping_lr_multiplier) for sizes in pairwise(dims)))

    def forward(self, z: Tensor) -> Tensor:
        w: Tensor = self.layers(z * (z.square().mean(dim=-1, keepdim=True) + 1e-8).rsqrt())
        return w


class Generator(StyleGenerator):
    """A StyleGAN2 generator. F is the features after a block, (B, C, r, r).

    A block's RGB layer shares its code with the layer that follows it; the last RGB layer has its own.

    Args:
        architecture: the sizes. The weights are initialised from torch's global random numbers.
    """

    architecture: Architecture
    taps: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.num_layers = a.num_layers
        self.mapping = Mapping(a)
        self.const = nn.Parameter(drawn(a.channels[0], 4, 4))
        inputs = (None, *a.channels)
        shapes = zip(inputs, a.channels, a.resolutions, strict=False)
        self.blocks = nn.ModuleList(Block(a.w_dim, *shape, clamp=a.conv_clamp) for shape in shapes)
        self.register_buffer("w_mean", torch.zeros(a.w_dim))
        self.register_buffer("taps", self.filter(), persistent=False)

    def filter(self) -> Tensor:
        """The low-pass filter (taps, taps) of the architecture, on the device of the weights."""
        taps = self.architecture.taps
        if self.const.is_meta:
            return torch.empty(len(taps), len(taps))  # as for weights, see drawn()
        return setup_filter(taps, self.const.device, separable=False)

    def restore_constants(self) -> None:
        self.taps = self.filter()

    @property
    def identity(self) -> tuple[str, dict[str, Tensor]]:
        a = self.architecture
        constants = f"{float(a.mapping_lr_multiplier)} {float(a.conv_clamp or 0)}"
        return constants, {**self.state_dict(), "taps": self.taps}

    def styles(self, w: Tensor) -> list[Tensor]:
        """The style vectors (B, inputs) of all layers in the order of use: the RGB layer follows its block.

        Raises:
            LatentError: w does not have shape (B, L, w_dim).
        """
        self._check_codes(w)
        vectors = []
        layer = 0
        for block in self._blocks():
            vectors += [module.style(w[:, layer + k]) for k, module in enumerate(block.layers)]
            layer += len(block.layers) - 1  # the RGB layer shares its code with the next block
        return vectors

    @property
    def style_of_code(self) -> tuple[int, ...]:
        last = 3 * len(self.blocks) - 2
        return tuple(index for index in range(last + 1) if index % 3 != 1 or index == last)

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
        vectors = self._vectors(w, styles, 3 * len(self.blocks) - 1)
        picture: Tensor | None = None
        for index, x in self._features(vectors, noise, dtype, f, f_resolution):
            rgb: Tensor = self._blocks()[index].to_rgb(x, vectors[3 * index + 1])
            picture = rgb if picture is None else upsample2d(picture, self.taps.float()) + rgb
        return cast(Tensor, picture)

    def features(
        self, w: Tensor, f_resolution: int, noise: Noise = "const", dtype: torch.dtype | None = None
    ) -> Tensor:
        """The output (B, C, r, r) of a block's second convolution.

        An ``f`` that replaces it also makes the noise and RGB of earlier blocks have no effect.
        """
        wanted = self._index_of(f_resolution)
        return next(x for index, x in self._features(self.styles(w), noise, dtype) if index == wanted)

    def features_shape(self, f_resolution: int) -> tuple[int, int, int]:
        return self.architecture.channels[self._index_of(f_resolution)], f_resolution, f_resolution

    def first_layer_after(self, f_resolution: int) -> int:
        return 2 * self._index_of(f_resolution) + 1

    def first_style_after(self, f_resolution: int) -> int:
        """The index of the RGB layer of that resolution, which has an effect although it precedes the code's layer."""
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
            self._check_features(f, self.architecture.resolutions[first])
            yield first, x
            first += 1
        for index in range(first, len(self.blocks)):
            own = styles[max(0, 3 * index - 1) : 3 * index + 2]
            x = self._blocks()[index](x, own, self.taps.float(), noise)  # the operations require float32 filters
            yield index, x

    def _blocks(self) -> list[Block]:
        return cast("list[Block]", list(self.blocks))
