"""What all families of style-based generators have in common: the spaces, inverter and directions use nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zplus_plugins.errors import GeneratorError, LatentError
from zplus_plugins.generators.network.architecture import Sizes
from zplus_plugins.generators.network.layers import Noise


class StyleGenerator(nn.Module, ABC):
    """A generator of images (B, 3, R, R), with values mostly in [-1, 1], each of whose layers takes a style.

    The spaces, as named in arXiv 2307.08995: Z and W are the input and output of ``mapping``; codes in W+ have shape
    (B, L, w_dim), one for each layer; S is the output of :meth:`styles`; F is the features after a layer.

    Attributes:
        architecture: the sizes.
        num_layers: L.
        mapping: from Z to W, (..., z_dim) -> (..., w_dim).
        w_mean: the mean code in W (``w_avg``), shape (w_dim,); zeros until it is set. Its device and dtype are those of
            all weights.
    """

    architecture: Sizes
    num_layers: int
    mapping: nn.Module
    w_mean: Tensor

    def forward(self, z: Tensor, noise: Noise = "const") -> Tensor:
        """Images (B, 3, R, R) from codes in Z (B, z_dim) or Z+ (B, L, z_dim)."""
        w = self.mapping(z)
        return self.synthesis(w if w.ndim == 3 else w[:, None].expand(-1, self.num_layers, -1), noise=noise)

    @abstractmethod
    def styles(self, w: Tensor) -> list[Tensor]:
        """The style vectors (B, inputs) of all layers in the order of use, from codes (B, L, w_dim).

        Raises:
            LatentError: w has another shape.
        """

    @property
    @abstractmethod
    def style_of_code(self) -> tuple[int, ...]:
        """For each code in W+, the index in :meth:`styles` of its own layer."""

    @abstractmethod
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
            f: features that replace those of :meth:`features`. Codes before :meth:`first_layer_after` then have no
                effect.
            f_resolution: the resolution of f; None takes it from the shape of f.
            noise: ``const`` uses the network's noise buffers, ``random`` draws new noise, ``none`` adds no noise.
            dtype: dtype of the convolutions, such as bfloat16; None for that of the parameters, which RGB always has.

        Raises:
            LatentError: both or neither of w and styles were given, or a shape is wrong.
            GeneratorError: there are no features of that resolution.
        """

    @abstractmethod
    def features(
        self, w: Tensor, f_resolution: int, noise: Noise = "const", dtype: torch.dtype | None = None
    ) -> Tensor:
        """The features (B, *features_shape) that ``f`` of :meth:`synthesis` replaces."""

    @abstractmethod
    def features_shape(self, f_resolution: int) -> tuple[int, int, int]:
        """(C, H, W) of the features of that resolution.

        Raises:
            GeneratorError: there are none.
        """

    @abstractmethod
    def first_layer_after(self, f_resolution: int) -> int:
        """Index of the first code that still has an effect when f replaces the features of that resolution.

        Raises:
            GeneratorError: there are no features of that resolution.
        """

    @abstractmethod
    def first_style_after(self, f_resolution: int) -> int:
        """The same for :meth:`styles`."""

    @property
    def usual_f_resolution(self) -> int:
        """That of BDInvert's F, 1/64 of the image's; of the resolutions that there are, the nearest, in octaves."""
        wanted = self.architecture.resolution / 64
        return min(self.architecture.resolutions, key=lambda r: max(r / wanted, wanted / r))

    @property
    @abstractmethod
    def identity(self) -> tuple[str, dict[str, Tensor]]:
        """All that its images depend on: constants, as text, and tensors by name."""

    def restore_constants(self) -> None:
        """Compute again, on the device of the weights, the buffers that a state dict does not contain."""

    def _vectors(self, w: Tensor | None, styles: Sequence[Tensor] | None, expected: int) -> list[Tensor]:
        """The style vectors, of which exactly one of two representations was given."""
        if (w is None) == (styles is None):
            raise LatentError("Expected exactly one of w and styles.")
        vectors = self.styles(w) if w is not None else list(styles or ())
        if len(vectors) != expected:
            raise LatentError(f"There are {len(vectors)} style vectors; expected {expected}.")
        return vectors

    def _check_codes(self, w: Tensor) -> None:
        expected = (self.num_layers, self.architecture.w_dim)
        if w.ndim != 3 or w.shape[1:] != expected:
            raise LatentError(f"w has shape {tuple(w.shape)}; expected (B, {expected[0]}, {expected[1]}).")

    def _check_features(self, f: Tensor, f_resolution: int) -> None:
        expected = self.features_shape(f_resolution)
        if f.ndim != 4 or f.shape[1:] != expected:
            raise LatentError(
                f"The features have shape {tuple(f.shape)}; expected (B, {', '.join(map(str, expected))})."
            )

    def _index_of(self, resolution: int) -> int:
        """The position of a resolution of features among those that there are."""
        if resolution not in self.architecture.resolutions:
            known = ", ".join(map(str, self.architecture.resolutions))
            raise GeneratorError(f"There are no features of resolution {resolution}; this generator has {known}.")
        return self.architecture.resolutions.index(resolution)
