"""The sizes of a StyleGAN3 generator (Karras et al., 2021: arXiv 2106.12423), and what its layers do with signals.

Every layer has a sampling rate, in samples across the image, and a band: content is confined to frequencies below its
cutoff, and filters may take until the stopband to suppress the others. Both grow geometrically from layer to layer
(section 3.2). Features extend beyond the image by a margin, so that the borders of the convolutions stay outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from zplus_plugins.errors import GeneratorError
from zplus_plugins.generators.network.architecture import Sizes

MOST_LAYERS, MOST_KERNEL, MOST_MARGIN, MOST_TAPS, MOST_UPSAMPLING = 96, 15, 256, 32, 8
_RGB = 3


@dataclass(frozen=True)
class Band:
    """The signal after a layer.

    Attributes:
        rate: sampling rate, a power of two.
        cutoff: cutoff frequency, in periods across the image.
        half_width: of the transition band from cutoff to stopband.
        size: width and height of the features, with their margins.
        channels: of the features.
    """

    rate: int
    cutoff: float
    half_width: float
    size: int
    channels: int


@dataclass(frozen=True)
class Stage:
    """What a layer does: from one band, by way of a higher rate at which its activation is computed, to the next.

    Attributes:
        before, after: the bands.
        kernel: width of the convolution.
        up, down: factors from and to the higher rate.
        up_taps, down_taps: of the low-pass filters; 1 for none.
        radial: whether the filter before downsampling is radially symmetric, so that rotations commute with it.
        colour: whether it is the last layer, to RGB, which has neither activation nor demodulation.
    """

    before: Band
    after: Band
    kernel: int
    up: int
    down: int
    up_taps: int
    down_taps: int
    radial: bool
    colour: bool

    @property
    def rate(self) -> int:
        """The higher rate."""
        return self.before.rate * self.up

    @property
    def padding(self) -> tuple[int, int]:
        """Samples to add at the higher rate, before and behind, so that the output has its size, and is centred."""
        wanted = (self.after.size - 1) * self.down + 1 + self.up_taps - 1 + self.down_taps - 1
        total = wanted - (self.before.size + self.kernel - 1) * self.up
        before = (total + self.up) // 2  # a sample stands for the middle of its pixel (appendix C.3)
        return before, total - before


@dataclass(frozen=True)
class AliasFree(Sizes):
    """The sizes and constants of a StyleGAN3 generator: :class:`Sizes` with the channels of each layer but the last.

    The defaults are those of configuration T; R has ``kernel=1`` and ``radial=True``.

    Attributes:
        kernel: width of the convolutions.
        radial: whether the filters before downsampling are radially symmetric, but in critically sampled layers.
        critical: the number of layers at the end, without the one to RGB, whose cutoff is half their sampling rate.
        first_cutoff: cutoff of the first layer.
        first_stopband: stopband of the first layer.
        last_stopband_rel: stopband of the last layer, relative to its cutoff.
        margin: samples beyond each border of the image.
        filter_size: taps of the filters, for each unit of their factor.
        lrelu_upsampling: the rate of activations, relative to the higher one of input and output.
        output_scale: factor of the image.

    Raises:
        GeneratorError: a value is invalid.
    """

    mapping_layers: int = 2
    conv_clamp: float | None = 256
    kernel: int = 3
    radial: bool = False
    critical: int = 2
    first_cutoff: float = 2
    first_stopband: float = 2**2.1
    last_stopband_rel: float = 2**0.3
    margin: int = 10
    filter_size: int = 6
    lrelu_upsampling: int = 2
    output_scale: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        layers, last = len(self.channels), self.resolution / 2
        bounds = {
            "number of layers": (layers, 2, MOST_LAYERS),
            "critical": (self.critical, 1, layers - 1),
            "kernel": (self.kernel, 1, MOST_KERNEL),
            "margin": (self.margin, 0, MOST_MARGIN),
            "filter_size": (self.filter_size, 2, MOST_TAPS),
            "lrelu_upsampling": (self.lrelu_upsampling, 1, MOST_UPSAMPLING),
            "first_cutoff": (self.first_cutoff, 2**-10, last),
            "first_stopband": (self.first_stopband, self.first_cutoff, 2 * last),
            "last_stopband_rel": (self.last_stopband_rel, 1, MOST_UPSAMPLING),
        }
        for name, (value, least, most) in bounds.items():
            if not least <= value <= most:
                raise GeneratorError(f"StyleGAN3's {name} is {value:g}; expected {least:g} to {most:g}.")

        first = self.bands[0]
        if first.half_width <= 0 or first.rate / 2 <= first.cutoff:
            raise GeneratorError(
                f"StyleGAN3's first layer has no transition band: with {self.resolution} pixels, its cutoff is "
                f"{first.cutoff:g}, and its first_stopband {self.first_stopband:g}."
            )

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands of all layers; that of the first is also the band of the Fourier features."""
        last_cutoff = self.resolution / 2
        last_stopband = last_cutoff * self.last_stopband_rel
        bands = []
        for index, channels in enumerate((*self.channels, _RGB)):
            way = min(index / (len(self.channels) - self.critical), 1)
            cutoff = self.first_cutoff * (last_cutoff / self.first_cutoff) ** way
            stopband = self.first_stopband * (last_stopband / self.first_stopband) ** way
            rate = 2 ** ceil(log2(min(stopband * 2, self.resolution)))
            whole = index >= len(self.channels) - 1  # the borders of these layers are those of the image
            size = self.resolution if whole else rate + 2 * self.margin
            bands.append(Band(rate, cutoff, max(stopband, rate / 2) - cutoff, size, channels))
        return tuple(bands)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What all layers do, in the order of use."""
        bands = self.bands
        pairs = zip((bands[0], *bands), bands, strict=False)
        return tuple(self._stage(index, *pair) for index, pair in enumerate(pairs))

    def _stage(self, index: int, before: Band, after: Band) -> Stage:
        colour = index == len(self.channels)
        critical = index >= len(self.channels) - self.critical
        rate = max(before.rate, after.rate) * (1 if colour else self.lrelu_upsampling)
        up, down = rate // before.rate, rate // after.rate
        up_taps, down_taps = (self.filter_size * n if n > 1 and not colour else 1 for n in (up, down))
        kernel = 1 if colour else self.kernel
        return Stage(before, after, kernel, up, down, up_taps, down_taps, self.radial and not critical, colour)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The sampling rates of the layers, without the one to RGB."""
        return tuple(sorted({band.rate for band in self.bands[:-1]}))

    @property
    def num_layers(self) -> int:
        """L, the number of codes in W+: one for the Fourier features, and one for each layer."""
        return len(self.channels) + 2
