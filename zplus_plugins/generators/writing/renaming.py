"""From the names and layouts of our generator to those of another implementation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any, NamedTuple

from torch import Tensor

from zplus_plugins.generators.network.architecture import Architecture
from zplus_plugins.generators.network.stylegan2 import Generator

USUAL_MULTIPLIER = Architecture.mapping_lr_multiplier
CONVOLUTION = r"blocks\.(\d+)\.(up|conv)\.(.*)"
COLOUR = r"blocks\.(\d+)\.to_rgb\.(.*)"

Rules = Mapping[str, Callable[[re.Match[str]], str]]


class Content(NamedTuple):
    """What a file of another implementation contains, and what it cannot express or needs, as sentences."""

    content: Any
    notes: tuple[str, ...] = ()


def state_of(
    generator: Generator, rules: Rules, adjust: Callable[[str, Tensor], Tensor] = lambda name, tensor: tensor
) -> dict[str, Tensor]:
    """The state dict of another implementation, without its filters; no tensor shares the generator's memory.

    Args:
        generator: ours.
        rules: patterns of our names, all of which must match, with functions that give the other name for a match.
        adjust: converts a tensor to the other layout, given our name.
    """
    state = {}
    for name, tensor in generator.state_dict().items():
        found, rename = next((m, rename) for rule, rename in rules.items() if (m := re.fullmatch(rule, name)))
        state[rename(found)] = adjust(name, tensor.detach().cpu()).clone().contiguous()
    return state


def index_of(found: re.Match[str]) -> int:
    """The index of a convolution, matched by :data:`CONVOLUTION`: 0 is at 4x4, followed by two per resolution."""
    return 2 * int(found[1]) - (found[2] == "up")


def scaled(name: str, tensor: Tensor) -> Tensor:
    """A convolution's weight without the factor that the other implementation applies itself.

    Demodulation makes the factor irrelevant, except for its epsilon.
    """
    return tensor * sqrt(tensor[0].numel()) if re.fullmatch(r"blocks\.\d+\.(up|conv)\.weight", name) else tensor


def with_usual_multiplier(generator: Generator, name: str, tensor: Tensor) -> Tensor:
    """A weight or bias of the mapping network that gives the same product with a learning-rate multiplier of 0.01."""
    factor = generator.architecture.mapping_lr_multiplier / USUAL_MULTIPLIER
    return tensor * factor if name.startswith("mapping.") and factor != 1 else tensor


def usual_constants(generator: Generator) -> tuple[str, ...]:
    """What happens to the constants for which a state dict has no room, as sentences."""
    a, notes = generator.architecture, []
    if a.mapping_lr_multiplier != USUAL_MULTIPLIER:
        notes.append(
            f"The mapping network's learning-rate multiplier of {a.mapping_lr_multiplier:g}, which the file does not "
            f"store, was multiplied into its weights, so that they are those for {USUAL_MULTIPLIER:g}."
        )
    if a.conv_clamp is not None:
        notes.append(
            f"The bound of {a.conv_clamp:g} on the layers' outputs is not in the file: without it, codes whose "
            "features exceed it give other pictures."
        )
    return tuple(notes)
