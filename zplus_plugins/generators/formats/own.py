"""Generators trained by this package: the embedded one, and others from the same script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from zplus_plugins.errors import GeneratorFileError
from zplus_plugins.generators.formats.layout import LARGEST, Rules, Source, shown, tensors_of

KIND = "zplus"
EXPECTED = "one trained by zplus_plugins.portraits (with architecture and state)"

RULES: Rules = {r"const|w_mean|(mapping|blocks)\..*": lambda m: m[0]}


def find(content: Any) -> Source | None:
    """The generator in the content of an exported file; None if it has another format.

    Raises:
        GeneratorFileError: its filter is invalid.
    """
    if not isinstance(content, dict):
        return None
    architecture, state = content.get("architecture"), content.get("state")
    if not isinstance(architecture, Mapping) or not isinstance(state, Mapping):
        return None
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
