"""The sizes and constants that define a StyleGAN2 generator, and those that all families have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from zplus_plugins.errors import GeneratorError


@dataclass(frozen=True)
class Sizes(ABC):
    """The sizes and constants that all families of generators have.

    Attributes:
        resolution: image resolution, a power of two.
        channels: feature channels, one for each resolution or layer, as the family defines.
        z_dim: dimension of Z.
        w_dim: dimension of W.
        mapping_layers: number of layers of the mapping network, at least one.
        mapping_dim: dimension of its hidden layers; None for ``w_dim``.
        mapping_lr_multiplier: learning-rate multiplier of the mapping network, which scales its weights.
        conv_clamp: bound on the output of every layer, as in networks trained in half precision; None for no bound.

    Raises:
        GeneratorError: a value is invalid.
    """

    resolution: int
    channels: tuple[int, ...]
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    mapping_dim: int | None = None
    mapping_lr_multiplier: float = 0.01
    conv_clamp: float | None = None

    def __post_init__(self) -> None:
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise GeneratorError(f"The resolution is {self.resolution}; expected a power of two, at least 4.")
        if min(*self.channels, self.z_dim, self.w_dim, self.mapping_layers, self.mapping_dim or 1) < 1:
            raise GeneratorError(f"A size is smaller than 1 in {self}.")

    @property
    @abstractmethod
    def resolutions(self) -> tuple[int, ...]:
        """The resolutions at which there are features, ascending."""

    @property
    @abstractmethod
    def num_layers(self) -> int:
        """L, the number of codes in W+."""


@dataclass(frozen=True)
class Architecture(Sizes):
    """The sizes and constants of a StyleGAN2 generator: :class:`Sizes` with channels at 4, 8, ..., ``resolution``.

    Attributes:
        taps: the low-pass filter, used along both axes when the resolution doubles; its scale does not matter.

    Raises:
        GeneratorError: a value is invalid.
    """

    taps: tuple[float, ...] = (1, 3, 3, 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.channels) != len(self.resolutions):
            raise GeneratorError(
                f"channels has {len(self.channels)} entries; expected {len(self.resolutions)}, for resolutions 4 to "
                f"{self.resolution}."
            )
        if len(self.taps) < 2:
            raise GeneratorError(f"The filter has {len(self.taps)} taps; expected at least 2.")

    @property
    def resolutions(self) -> tuple[int, ...]:
        """4, 8, ..., ``resolution``: one block each."""
        return tuple(2**power for power in range(2, self.resolution.bit_length()))

    @property
    def num_layers(self) -> int:
        """L, the number of codes in W+: one for each convolution, and one for the last RGB layer."""
        return 2 * len(self.resolutions)
