"""The parameters by which other implementations compute the number of channels at each resolution."""

from __future__ import annotations

from zplus_plugins.errors import GeneratorError
from zplus_plugins.generators.network.architecture import Architecture


def base_and_most(architecture: Architecture, whose: str) -> tuple[int, int]:
    """Numbers with which ``min(base // resolution, most)`` gives the channels, as in NVlabs' and genforce's classes.

    Args:
        architecture: with the channels.
        whose: the implementation, for the message.

    Raises:
        GeneratorError: there are none.
    """
    channels, sides = architecture.channels, architecture.resolutions
    most = max(channels)
    base = max(number * side for number, side in zip(channels, sides, strict=True))
    if tuple(min(base // side, most) for side in sides) != channels:
        raise GeneratorError(
            f"{whose} classes have min(base // resolution, most) channels at each resolution; this generator's "
            f"{', '.join(map(str, channels))} are not of this form. Convert it to another format."
        )
    return base, most


def multiplier(architecture: Architecture) -> int:
    """The ``channel_multiplier`` of rosinality's class, which gives the channels from 64 pixels on.

    Raises:
        GeneratorError: it has other channels, or images that are too large.
    """
    channels, sides = architecture.channels, architecture.resolutions
    factor = max(1, channels[-1] * sides[-1] // 2**14) if sides[-1] > 32 else 2  # it has no effect up to 32 pixels
    expected = tuple(512 if side <= 32 else 2**14 // side * factor for side in sides)
    if channels != expected or not 8 <= sides[-1] <= 1024:
        raise GeneratorError(
            f"rosinality's class has images of 8 to 1024 pixels, 512 channels up to 32 pixels, and then a multiple of "
            f"256, 128, 64, ...; this generator has images of {sides[-1]} pixels and {', '.join(map(str, channels))} "
            "channels. Convert it to another format."
        )
    return factor
