"""The architecture of a generator, from the names and shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.assembly.source import INDEX, LARGEST, Source
from zplus_plugins.generators.network.architecture import Architecture
from zplus_plugins.untrusted import shown

MOST_BLOCKS, MOST_TAPS = 12, 32  # 8192 pixels; four times the taps of any known generator
_COLOUR = rf"blocks\.{INDEX}\.to_rgb\.bias"


def stylegan2(source: Source, ours: Mapping[str, Tensor], filters: list[Tensor]) -> Architecture:
    """The architecture of a StyleGAN2 generator.

    Args:
        source: the generator, whose claims must be true.
        ours: its tensors by our names.
        filters: its low-pass filters.

    Raises:
        GeneratorFileError: the tensors are incomplete, contradict each other or the claims, or are of a network that
            is not supported.
    """
    _require_square_colour(source, ours)
    architecture = _architecture(source, ours, filters)
    _require_as_claimed(source, architecture)
    return architecture


def _architecture(source: Source, ours: Mapping[str, Tensor], filters: list[Tensor]) -> Architecture:
    """The architecture, from the lengths of biases and the shapes of the mapping network's weights."""
    sizes = mapping_sizes(source, ours)
    blocks = count_in(ours, "blocks")
    if blocks > MOST_BLOCKS:
        raise GeneratorFileError(f"This {source.kind} generator has {blocks} blocks; expected {MOST_BLOCKS} at most.")
    channels = tuple(shape_of(source, ours, f"blocks.{index}.conv.bias", 1)[0] for index in range(max(1, blocks)))
    return Architecture(
        resolution=4 * 2 ** (len(channels) - 1),
        channels=channels,
        **sizes,
        taps=_taps(source, filters),
    )


def mapping_sizes(source: Source, ours: Mapping[str, Tensor]) -> dict[str, Any]:
    """The attributes of :class:`Sizes` that do not depend on the family, from the mapping network's weights.

    Raises:
        GeneratorFileError: it has none, or a constant is not a positive number.
    """
    for number in (source.mapping_lr_multiplier, source.conv_clamp):
        if number is not None and not (isinstance(number, int | float) and 0 < number < LARGEST):
            raise GeneratorFileError(f"This {source.kind} generator has {shown(number)} instead of a positive number.")
    layers = count_in(ours, r"mapping\.layers")
    first, last = (shape_of(source, ours, f"mapping.layers.{index}.weight", 2) for index in (0, layers - 1))
    return {
        "z_dim": first[1],
        "w_dim": last[0],
        "mapping_layers": layers,
        "mapping_dim": None if layers == 1 or first[0] == last[0] else first[0],
        "mapping_lr_multiplier": source.mapping_lr_multiplier,
        "conv_clamp": source.conv_clamp,
    }


def count_in(ours: Mapping[str, Tensor], prefix: str) -> int:
    """The number of layers with tensors of that prefix (a pattern), by the highest index; at least 1."""
    found = (re.fullmatch(rf"{prefix}\.({INDEX})\..*", name) for name in ours)
    return 1 + max((int(match[1]) for match in found if match), default=0)


def shape_of(source: Source, ours: Mapping[str, Tensor], name: str, axes: int) -> tuple[int, ...]:
    """The shape of a tensor.

    Raises:
        GeneratorFileError: there is none with that many axes.
    """
    if name not in ours or ours[name].ndim != axes:
        raise GeneratorFileError(
            f"This {source.kind} generator is incomplete: with our names, it has no {name} with {axes} axes."
        )
    return tuple(ours[name].shape)


def _taps(source: Source, filters: list[Tensor]) -> tuple[float, ...]:
    """The taps of the separable filter, which must be the same everywhere up to a factor."""
    if not filters:
        return Architecture.taps
    sizes = [size for f in filters for size in f.squeeze().shape or (1,)]
    if not 2 <= min(sizes) <= max(sizes) <= MOST_TAPS:
        raise GeneratorFileError(
            f"A low-pass filter of this {source.kind} generator has {min(sizes)} to {max(sizes)} taps on an axis; "
            f"expected 2 to {MOST_TAPS}."
        )
    normalised = [f.float().squeeze() / f.sum() for f in filters]
    one = normalised[0]
    taps = one if one.ndim == 1 else one.sum(dim=-1)
    separable = one.ndim == 1 or (one.shape == (len(taps), len(taps)) and torch.allclose(one, taps.outer(taps)))
    if not separable or not all(f.shape == one.shape and torch.allclose(f, one) for f in normalised):
        raise GeneratorFileError(f"The low-pass filters of this {source.kind} generator differ, or are not separable.")
    exact = filters[0].float().squeeze()
    if exact.ndim == 1 and exact[exact != 0].abs().min() == 1:
        return tuple(exact.tolist())  # as we write them ourselves: rounding would change the generator's checksum
    return tuple((taps / taps[taps != 0].abs().min()).tolist())


def _require_square_colour(source: Source, ours: Mapping[str, Tensor]) -> None:
    """Refuse generators of other images than square RGB ones, which their tensor names do not reveal."""
    require_rgb(source, {bias.numel() for name, bias in ours.items() if re.fullmatch(_COLOUR, name)})
    const = ours.get("const")
    if const is not None and const.ndim >= 2 and tuple(const.shape[-2:]) != (4, 4):
        rows, columns = const.shape[-2:]
        raise GeneratorFileError(
            f"This {source.kind} generator starts not at 4 x 4 but at {columns} x {rows} (width x height): only square "
            "images whose side is a power of two are supported."
        )


def require_rgb(source: Source, channels: Set[int]) -> None:
    """Raise GeneratorFileError if all RGB layers have the same number of channels, and it is not 3."""
    if len(channels) == 1 and channels != {3}:
        (count,) = channels
        known = {1: "greyscale", 2: "greyscale and transparent", 4: "RGBA"}
        what = f"{known[count]} images" if count in known else "something else"
        raise GeneratorFileError(
            f"This {source.kind} generator generates {what}: its RGB layers have {count} channel{'s' * (count > 1)}; "
            "only RGB generators, with 3, are supported."
        )


def _require_as_claimed(source: Source, architecture: Architecture) -> None:
    for name, claimed in source.claims.items():
        found = getattr(architecture, name)
        if claimed is not None and claimed != found:
            raise GeneratorFileError(
                f"This {source.kind} generator's settings and tensors do not match: {name} is {_numbers(claimed)} "
                f"according to the settings, and {_numbers(found)} according to the tensors."
            )


def _numbers(value: Any) -> str:
    return ", ".join(map(shown, value)) if isinstance(value, tuple) else shown(value)
