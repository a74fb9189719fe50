"""A generator as another implementation's file has it: its tensors, and how their names and layouts become ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, NamedTuple

from torch import Tensor

from zplus_plugins.generators.network.architecture import Sizes

LARGEST = 1e9  # limit of numbers that are neither weights nor sizes
INDEX = r"\d{1,2}"  # a layer index, in patterns of names

Rules = Mapping[str, Callable[[re.Match[str]], str]]


class Conditional(NamedTuple):
    """Layers of a conditional generator's mapping network, by the prefixes of their names in the file.

    Attributes:
        embed: embeds the label.
        first: takes z and the embedding.
    """

    embed: str
    first: str


@dataclass(frozen=True)
class Source:
    """A generator as found in a file.

    Attributes:
        kind: the format of the file, for messages.
        tensors: by their names in the file.
        rules: patterns of those names, with functions that give our name for a match.
        filters: the pattern of the names of low-pass filters, all of which must be the same.
        unusable: patterns of names that only unsupported generators have, with a description of these.
        adjust: converts a tensor to our layout, given our name and the value in the file.
        mapping_lr_multiplier, conv_clamp: as in :class:`Architecture`.
        design: the architecture for a source and its tensors by our names; None for that of StyleGAN2.
        strange: the pattern of names that the source's own loader ignores; they are left out, with a note.
        conditional: how it takes its label; None if it takes none.
        noise_is_drawn: whether the source's own loader draws noise buffers that are not in the file.
        claims: values of the architecture stated in the file, by the names of its attributes; None if not stated.
        notes: what was chosen in the file, or assumed, as clauses.
    """

    kind: str
    tensors: Mapping[str, Tensor]
    rules: Rules
    filters: str
    unusable: Mapping[str, str] = field(default_factory=dict)
    adjust: Callable[[str, Tensor], Tensor] = lambda name, tensor: tensor
    mapping_lr_multiplier: float = 0.01
    conv_clamp: float | None = None
    design: Callable[[Source, Mapping[str, Tensor]], Sizes] | None = None
    strange: str | None = None
    conditional: Conditional | None = None
    noise_is_drawn: bool = False
    claims: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The family's name, for messages."""
        return "StyleGAN2" if self.design is None else "StyleGAN3"


def tensors_of(state: Mapping[Any, Any]) -> dict[str, Tensor]:
    """The tensors of a state dict."""
    return {name: value for name, value in state.items() if isinstance(name, str) and isinstance(value, Tensor)}


def convolution(index: int) -> str:
    """Our name for the convolution of that index: 0 is at 4x4, followed by two per resolution."""
    return f"blocks.{(index + 1) // 2}.{'up' if index % 2 else 'conv'}"


def unscaled(name: str, tensor: Tensor) -> Tensor:
    """A convolution's weight, multiplied by the factor that the source applies but StyleGAN2-ADA and we do not.

    Demodulation makes it irrelevant, except for its epsilon.
    """
    return tensor / sqrt(tensor[0].numel()) if re.fullmatch(r"blocks\.\d+\.(up|conv)\.weight", name) else tensor
