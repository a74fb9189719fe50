"""The figures that determine a StyleGAN2 generator."""

from __future__ import annotations

from dataclasses import dataclass

from zplus_plugins.errors import GeneratorError


@dataclass(frozen=True)
class Architecture:
    """The shape of a generator, and its few constants.

    Attributes:
        resolution: of the pictures, a power of two.
        channels: of the features at resolutions 4, 8, ..., ``resolution``.
        z_dim: components of a code in Z.
        w_dim: components of a code in W.
        mapping_layers: of the network from Z to W, at least one.
        mapping_dim: components between those layers; None for ``w_dim``.
        mapping_lr_multiplier: of the mapping network's learning rate.
        conv_clamp: bound of every layer's output, as networks trained in half precision have; None for none.
        taps: of the low-pass filter used on both axes when the resolution doubles; their scale is immaterial.

    Raises:
        GeneratorError: no generator is like that.
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    mapping_dim: int | None = None
    mapping_lr_multiplier: float = 0.01
    conv_clamp: float | None = None
    taps: tuple[float, ...] = (1, 3, 3, 1)

    def __post_init__(self) -> None:
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise GeneratorError(f"The resolution is {self.resolution}; expected a power of two from 4 on.")
        if len(self.channels) != len(self.resolutions):
            raise GeneratorError(
                f"There are {len(self.channels)} numbers of channels; expected {len(self.resolutions)}, for resolutions"
                f" 4 to {self.resolution}."
            )
        if min(*self.channels, self.z_dim, self.w_dim, self.mapping_layers, self.mapping_dim or 1) < 1:
            raise GeneratorError(f"A size is smaller than 1 in {self}.")
        if len(self.taps) < 2:
            raise GeneratorError(f"The filter has {len(self.taps)} taps; expected at least 2.")

    @property
    def resolutions(self) -> tuple[int, ...]:
        """4, 8, ..., ``resolution``: one block each."""
        return tuple(2**power for power in range(2, self.resolution.bit_length()))

    @property
    def num_layers(self) -> int:
        """N, the codes in W+: one a convolution, and one for the last RGB layer."""
        return 2 * len(self.resolutions)
