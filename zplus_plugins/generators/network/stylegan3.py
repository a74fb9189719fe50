"""StyleGAN3's generator (Karras et al., 2021: arXiv 2106.12423), configurations T and R."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import cast

import torch
from torch import Tensor, nn

from zplus_plugins.errors import GeneratorError
from zplus_plugins.generators.network.bands import AliasFree
from zplus_plugins.generators.network.filtered import FilteredLayer, FourierFeatures
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.network.layers import Noise
from zplus_plugins.generators.network.stylegan2 import Mapping


class StyleGAN3(StyleGenerator):
    """A StyleGAN3 generator.

    Each layer has a code of its own, the first of which turns and shifts the Fourier features of the input. There is no
    noise, so settings of it have no effect.

    The resolution of features is their sampling rate, in samples across the image. Several layers have the same; F is
    the features (B, C, s, s) after the last of them, whose size s exceeds the rate by the margins on both sides.

    Args:
        architecture: the sizes. The weights are initialised from torch's global random numbers.
    """

    architecture: AliasFree

    def __init__(self, architecture: AliasFree) -> None:
        super().__init__()
        self.architecture = a = architecture
        self.num_layers = a.num_layers
        self.mapping = Mapping(a)
        stages = a.stages
        self.input = FourierFeatures(a.w_dim, stages[0].before)
        self.layers = nn.ModuleList(FilteredLayer(a.w_dim, stage, a.conv_clamp) for stage in stages)
        self.register_buffer("w_mean", torch.zeros(a.w_dim))

    @property
    def identity(self) -> tuple[str, dict[str, Tensor]]:
        values = ((field.name, getattr(self.architecture, field.name)) for field in fields(self.architecture))
        constants = (f"{name}={float(value)}" for name, value in values if isinstance(value, int | float))
        return f"StyleGAN3 {' '.join(constants)}", self.state_dict()

    @property
    def style_of_code(self) -> tuple[int, ...]:
        return tuple(range(self.num_layers))

    def styles(self, w: Tensor) -> list[Tensor]:
        self._check_codes(w)
        affine = (self.input.style, *(layer.style for layer in self._layers()))
        return [style(w[:, index]) for index, style in enumerate(affine)]

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
        vectors = self._vectors(w, styles, self.num_layers)
        resolution = self._resolution_of(f) if f is not None and f_resolution is None else f_resolution
        for _, x in self._features(vectors, dtype, f, resolution):
            picture = x  # the last one; the others are released on the way
        return picture * self.architecture.output_scale

    def features(
        self, w: Tensor, f_resolution: int, noise: Noise = "const", dtype: torch.dtype | None = None
    ) -> Tensor:
        last = self._last_of(f_resolution)
        return next(x for index, x in self._features(self.styles(w), dtype) if index == last)

    def features_shape(self, f_resolution: int) -> tuple[int, int, int]:
        band = self.architecture.bands[self._last_of(f_resolution)]
        return band.channels, band.size, band.size

    def first_layer_after(self, f_resolution: int) -> int:
        return self._last_of(f_resolution) + 2  # one code is the input's

    def first_style_after(self, f_resolution: int) -> int:
        return self.first_layer_after(f_resolution)

    def _features(
        self, styles: list[Tensor], dtype: torch.dtype | None, f: Tensor | None = None, f_resolution: int | None = None
    ) -> Iterator[tuple[int, Tensor]]:
        """Pairs of a layer's index and its output, starting at the first layer, or after that of f; at last, RGB."""
        first = 0
        if f is None or f_resolution is None:
            x = self.input(styles[0])
        else:
            self._check_features(f, f_resolution)
            first, x = self._last_of(f_resolution) + 1, f
        own = self.w_mean.dtype
        reduced = dtype or own
        if reduced != own:  # where it is faster; float32 keeps its bits
            x = x.contiguous(memory_format=torch.channels_last)
        for index, layer in enumerate(self._layers()[first:], first):
            x = layer(x.to(own if layer.stage.colour else reduced), styles[index + 1])
            yield index, x

    def _last_of(self, resolution: int) -> int:
        """The index of the last layer, before RGB, with that sampling rate."""
        self._index_of(resolution)
        rates = [band.rate for band in self.architecture.bands[:-1]]
        return len(rates) - 1 - rates[::-1].index(resolution)

    def _resolution_of(self, f: Tensor) -> int:
        """The sampling rate of features of that size."""
        sizes = {self.features_shape(rate)[-1]: rate for rate in self.architecture.resolutions}
        if f.shape[-1] not in sizes:
            known = ", ".join(map(str, sizes))
            raise GeneratorError(f"There are no features of {f.shape[-1]} samples; this generator has {known}.")
        return sizes[f.shape[-1]]

    def _layers(self) -> list[FilteredLayer]:
        return cast("list[FilteredLayer]", list(self.layers))
