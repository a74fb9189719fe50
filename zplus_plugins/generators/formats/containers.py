"""Find a generator's weights in a checkpoint: trainers nest them, prefix their names, and save several sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.generators.assembly.source import tensors_of
from zplus_plugins.untrusted import printable

AVERAGED = (
    *("g_ema", "G_ema", "generator_smooth", "generator_ema", "params_ema", "netG_ema", "ema", "state_dict_ema"),
    *("model_ema", "ema_state_dict", "Gs"),
)
"""Keys of a generator with averaged weights (EMA), which generates better images."""
TRAINED = ("g", "G", "generator", "netG", "gen", "params", "g_module")
"""Keys of the generator in training, without averaging."""
OTHERS = ("state_dict", "model", "models", "model_state_dict", "weights", "net")
"""Keys that may contain either."""
MEANS = ("latent_avg", "w_avg", "mean_latent")

DEPTH = 3
DATA_PARALLEL = "module."


@dataclass(frozen=True)
class Weights:
    """A generator's state dict, with the names of its own class.

    Attributes:
        tensors: by name.
        notes: what was chosen, as clauses.
    """

    tensors: dict[str, Tensor]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A state dict in a file: the keys that lead to it, and the prefix of the generator's names."""

    state: Mapping[Any, Any]
    keys: tuple[str, ...]
    prefix: str

    @property
    def names(self) -> tuple[str, ...]:
        """All names that may identify the generator as averaged or not."""
        return (*self.keys, *self.prefix.split("."))

    @property
    def averaged(self) -> bool:
        return any(name in AVERAGED or "ema" in name.lower().split("_") for name in self.names)


def weights_in(content: Any, mark: str) -> Weights | None:
    """The generator's weights, the averaged ones if there are several.

    Args:
        content: the content of a file.
        mark: a tensor name, or its beginning, that all generators of a format have and other networks have not.
    """
    places = list(_places(content, mark))
    if not places:
        return None
    chosen = max(places, key=lambda place: place.averaged)  # the first one of several
    size = len(chosen.prefix)
    named = tensors_of(chosen.state)
    tensors = {name[size:]: tensor for name, tensor in named.items() if name.startswith(chosen.prefix)}
    notes = _notes(chosen, [name for name in named if not name.startswith(chosen.prefix)])
    mean = _mean(content, chosen)
    if mean is None:
        return Weights(tensors, notes)
    one, differ = _one_code(mean)
    if differ:
        notes = (*notes, f"averaged its {len(mean)} mean codes, one per layer, into one")
    return Weights(tensors | {"latent_avg": one}, notes)


def unaveraged(key: str) -> str:
    """The note that there is only the generator without averaging."""
    return f"used {printable(key)}, the generator without averaged weights, because the file has no averaged one"


def _places(content: Any, mark: str, keys: tuple[str, ...] = (), seen: set[int] | None = None) -> Iterator[_Place]:
    """All state dicts with the mark; each only once, because a dictionary may contain itself, under many names."""
    seen = set() if seen is None else seen
    if not isinstance(content, Mapping) or id(content) in seen or len(keys) > DEPTH:
        return
    seen.add(id(content))
    for prefix in sorted(_prefixes(content, mark), key=lambda prefix: (len(prefix), prefix)):
        yield _Place(content, keys, prefix)
    for key in (*AVERAGED, *TRAINED, *OTHERS):
        if key in content:
            yield from _places(content[key], mark, (*keys, key), seen)


def _prefixes(state: Mapping[Any, Any], mark: str) -> set[str]:
    begins = (name[: name.index(mark)] for name in state if isinstance(name, str) and mark in name)
    return {begin for begin in begins if not begin or begin.endswith(".")}


def _mean(content: Any, place: _Place) -> Tensor | None:
    """The mean code, stored beside the weights or at the top level of the file."""
    beside: list[Any] = [content]
    for key in place.keys:
        beside.append(beside[-1][key])
    for level in reversed(beside):
        for name in MEANS:
            found = level.get(name)
            if isinstance(found, Tensor):
                return found
    return None


def _one_code(mean: Tensor) -> tuple[Tensor, bool]:
    """A mean code in W from one in W or W+, and whether the latter differs between layers; encoders repeat one code."""
    if mean.ndim != 2 or len(mean) < 2:
        return mean, False
    differ = not torch.equal(mean, mean[:1].expand_as(mean))
    return (mean.float().mean(dim=0) if differ else mean[0]), differ


def _notes(place: _Place, left: list[str]) -> tuple[str, ...]:
    notes = []
    trained = next((name for name in place.names if name in TRAINED), None)
    if trained is not None and not place.averaged:
        notes.append(unaveraged(trained))
    if place.prefix == DATA_PARALLEL:
        notes.append(f"removed the prefix {DATA_PARALLEL} of DataParallel from the tensor names")
    elif place.prefix:
        others = f" and left out the {len(left)} others (such as {printable(left[0])})" if left else ""
        notes.append(f"used the tensors of {printable(place.prefix[:-1])}{others}")
    return tuple(notes)
