"""Build a generator of ours from the names and layouts of another implementation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, NamedTuple

import torch
from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.network.architecture import Architecture, Sizes
from zplus_plugins.generators.network.bands import AliasFree
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.network.stylegan2 import Generator
from zplus_plugins.generators.network.stylegan3 import StyleGAN3
from zplus_plugins.generators.unpickling.unpickle import printable
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.mean import mean_style

NOISE_SEED = 0
MOST_BLOCKS, MOST_TAPS = 12, 32  # 8192 pixels; four times the taps of any known generator
LARGEST = 1e9  # limit of numbers that are neither weights nor sizes
MOST_SHARING = 4  # names per weight, on average; known generators have one
INDEX = r"\d{1,2}"  # a layer index, in patterns of names
_COLOUR = rf"blocks\.{INDEX}\.to_rgb\.bias"

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


class Built(NamedTuple):
    """A generator, and what was chosen, assumed or replaced to build it, as clauses."""

    generator: StyleGenerator
    notes: tuple[str, ...]


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


def build(source: Source) -> Built:
    """The generator, in evaluation mode and without gradients; a source with labels must be that of one by now.

    Its mean code is that of the file, or else the mean of 4,096 random codes with a fixed seed. Noise buffers that the
    source's own loader would draw are drawn with a fixed seed too.

    Raises:
        GeneratorFileError: a tensor is missing, unexpected, of a wrong shape or not finite, many tensors share their
            numbers, or the network is not supported.
        GeneratorError: the sizes are not those of a generator.
    """
    ours, names, filters, left = _renamed(source)
    notes = list(source.notes)
    if left:
        notes.append(f"left out {listed(left)}, which {source.family} does not have")
    architecture = _stylegan2(source, ours, filters) if source.design is None else source.design(source, ours)
    with torch.device("meta"):  # takes no memory, which wrong sizes could exhaust, and no time for random weights
        generator = _network(architecture).eval().requires_grad_(False)
    expected = generator.state_dict()
    drawn = {name for name in expected.keys() - ours.keys() if source.noise_is_drawn and name.endswith(".noise")}
    _require_all(source, expected.keys() - {"w_mean"} - drawn, ours.keys() - {"w_mean"})
    _require_own_storages(source, ours)
    if drawn:
        notes.append(f"drew the noise of {len(drawn)} layers (seed {NOISE_SEED}), which is not in the file")
    checked = {
        name: source.adjust(name, _checked(source, names[name], tensor, expected[name].shape))
        for name, tensor in ours.items()
    }
    checked |= _noise({name: expected[name].shape for name in drawn})
    state = {"w_mean": torch.zeros(expected["w_mean"].shape)} | checked
    own = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in state.items()}
    generator.load_state_dict(own, assign=True)
    generator.restore_constants()
    if "w_mean" not in ours:
        generator.w_mean.copy_(mean_style(generator.mapping, architecture.z_dim))
    return Built(generator, tuple(notes))


def _network(architecture: Sizes) -> StyleGenerator:
    if isinstance(architecture, AliasFree):
        return StyleGAN3(architecture)
    assert isinstance(architecture, Architecture)
    return Generator(architecture)


def _stylegan2(source: Source, ours: Mapping[str, Tensor], filters: list[Tensor]) -> Architecture:
    _require_square_colour(source, ours)
    architecture = _architecture(source, ours, filters)
    _require_as_claimed(source, architecture)
    return architecture


def _noise(shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Noise buffers by name; each depends only on its position among the sorted shapes."""
    return {
        name: standard_normal(*shape, seed=NOISE_SEED + index)
        for index, (name, shape) in enumerate(sorted(shapes.items(), key=lambda item: (item[1][-1], item[0])))
    }


def _checked(source: Source, name: str, tensor: Tensor, shape: torch.Size) -> Tensor:
    """The tensor in float32, without the leading or trailing axes of length one that other layouts have."""
    fitted = tensor.float()
    while fitted.ndim > len(shape) and 1 in (fitted.shape[0], fitted.shape[-1]):
        fitted = fitted[0] if fitted.shape[0] == 1 else fitted[..., 0]
    if fitted.shape != shape:
        raise GeneratorFileError(
            f"{name} has shape {tuple(tensor.shape)}; expected {tuple(shape)}, to match the other tensors of this "
            f"{source.kind} generator."
        )
    if not fitted.isfinite().all():
        raise GeneratorFileError(
            f"{name} contains NaN or infinite numbers: this network's training failed. Use another checkpoint."
        )
    return fitted


def _renamed(source: Source) -> tuple[dict[str, Tensor], dict[str, str], list[Tensor], list[str]]:
    """The tensors by our names, the source's names by ours, the filters, and the names that the source ignores."""
    ours, names, filters = {}, {}, []
    unknown: list[str] = []
    left: list[str] = []
    for theirs, tensor in source.tensors.items():
        for pattern, what in source.unusable.items():
            if re.match(pattern, theirs):
                raise GeneratorFileError(f"This {source.kind} generator {what}: it has a tensor {printable(theirs)}.")
        if re.fullmatch(source.filters, theirs):
            filters.append(tensor)
            continue
        found = next((rename(m) for rule, rename in source.rules.items() if (m := re.fullmatch(rule, theirs))), None)
        if found is None:
            (left if source.strange and re.fullmatch(source.strange, theirs) else unknown).append(theirs)
        else:
            ours[found], names[found] = tensor, theirs
    if unknown:
        raise GeneratorFileError(
            f"This {source.kind} generator has tensors that {source.family} generators do not have: {listed(unknown)}."
        )
    return ours, names, filters, left


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


def _require_all(source: Source, expected: Set[str], ours: Set[str]) -> None:
    absent, surplus = sorted(expected - ours), sorted(ours - expected)
    if absent or surplus:
        parts = [f"{word} {listed(names)}" for word, names in (("without", absent), ("with", surplus)) if names]
        raise GeneratorFileError(
            f"This {source.kind} generator is incomplete or of another architecture: with our names, it is "
            f"{' and '.join(parts)}."
        )


def _require_own_storages(source: Source, ours: Mapping[str, Tensor]) -> None:
    """Refuse files in which many names share a storage: the generator would need many times the file's size."""
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() // t.itemsize for t in ours.values()}
    numbers, stored = sum(tensor.numel() for tensor in ours.values()), sum(storages.values())
    if numbers > MOST_SHARING * stored:
        raise GeneratorFileError(
            f"This {source.kind} generator's tensors share their storages: the file has {stored:,} numbers for "
            f"{numbers:,}."
        )


def listed(names: list[str], most: int = 5) -> str:
    """The first few of many names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def shown(value: Any) -> str:
    """A value from a file for a message; only its type unless it is plain, because a list may contain itself."""
    if isinstance(value, str):
        return repr(printable(value))
    plain = isinstance(value, float | None) or (isinstance(value, int) and value.bit_length() <= 64)
    return repr(value) if plain else f"a value of type {type(value).__name__}"


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
