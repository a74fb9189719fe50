"""Generators that this package has saved, such as the embedded one, which it has trained."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.assembly.source import LARGEST, Rules, Source, tensors_of
from zplus_plugins.generators.formats import stylegan3
from zplus_plugins.generators.network.bands import AliasFree
from zplus_plugins.untrusted import shown

KIND = "zplus"
EXPECTED = "one trained by zplus_plugins.portraits (with architecture and state)"

RULES: Rules = {r"const|w_mean|(mapping|blocks)\..*": lambda m: m[0]}
ALIAS_FREE: Rules = {r"w_mean|(mapping|input|layers)\..*": lambda m: m[0]}


def find(content: Any) -> Source | None:
    """The generator in the content of an exported file, ``architecture`` and ``state``; None for another format.

    Raises:
        GeneratorFileError: its filter is invalid.
    """
    if not isinstance(content, dict):
        return None
    architecture, state = content.get("architecture"), content.get("state")
    if not isinstance(architecture, Mapping) or not isinstance(state, Mapping):
        return None
    if "first_cutoff" in architecture:
        return _alias_free(architecture, state)
    taps = architecture.get("taps")
    if not isinstance(taps, tuple | list) or not all(isinstance(t, int | float) and abs(t) < LARGEST for t in taps):
        raise GeneratorFileError(f"This {KIND} generator's taps are {shown(taps)}; expected numbers.")
    return Source(
        kind=KIND,
        tensors=tensors_of(state) | {"taps": torch.tensor(taps, dtype=torch.float32)},
        rules=RULES,
        filters="taps",
        mapping_lr_multiplier=architecture.get("mapping_lr_multiplier", 0.01),
        conv_clamp=architecture.get("conv_clamp"),
    )


def _alias_free(architecture: Mapping[Any, Any], state: Mapping[Any, Any]) -> Source:
    """A StyleGAN3 generator; settings that the file does not state are the usual ones."""
    settings = {name: architecture[name] for name in stylegan3.SETTINGS.values() if name in architecture}
    return Source(
        kind=KIND,
        tensors=tensors_of(state),
        rules=ALIAS_FREE,
        filters=stylegan3.NO_FILTERS,
        mapping_lr_multiplier=architecture.get("mapping_lr_multiplier", 0.01),
        conv_clamp=architecture.get("conv_clamp", AliasFree.conv_clamp),
        design=partial(stylegan3.architecture, resolution=architecture.get("resolution"), settings=settings),
    )
