"""Build a generator of ours from a source, or say what of it does not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import NamedTuple

import torch
from torch import Tensor

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.assembly.sizes import stylegan2
from zplus_plugins.generators.assembly.source import Source
from zplus_plugins.generators.network.architecture import Architecture, Sizes
from zplus_plugins.generators.network.bands import AliasFree
from zplus_plugins.generators.network.interface import StyleGenerator
from zplus_plugins.generators.network.stylegan2 import Generator
from zplus_plugins.generators.network.stylegan3 import StyleGAN3
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.mean import mean_style
from zplus_plugins.untrusted import listed, printable

NOISE_SEED = 0
MOST_SHARING = 4  # names per weight, on average; known generators have one


class Built(NamedTuple):
    """A generator, and what was chosen, assumed or replaced to build it, as clauses."""

    generator: StyleGenerator
    notes: tuple[str, ...]


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
    architecture = stylegan2(source, ours, filters) if source.design is None else source.design(source, ours)
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
