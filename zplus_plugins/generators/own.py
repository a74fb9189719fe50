"""Generators that this package has trained: the embedded one, and others by the same script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from zplus_plugins.generators.layout import Rules, Source, tensors_of

KIND = "zplus"
EXPECTED = "one trained by zplus_plugins.portraits (with architecture and state)"

RULES: Rules = {r"const|w_mean|(mapping|blocks)\..*": lambda m: m[0]}


def find(content: Any) -> Source | None:
    """The generator of an exported training; None if this is none."""
    if not isinstance(content, dict):
        return None
    architecture, state = content.get("architecture"), content.get("state")
    if not isinstance(architecture, Mapping) or not isinstance(state, Mapping):
        return None
    taps = architecture.get("taps")
    known = isinstance(taps, tuple) and all(isinstance(tap, int | float) for tap in taps)
    return Source(
        kind=KIND,
        tensors=tensors_of(state) | ({"taps": torch.tensor(taps, dtype=torch.float32)} if known else {}),
        rules=RULES,
        filters="taps",
        mapping_lr_multiplier=architecture.get("mapping_lr_multiplier", 0.01),
        conv_clamp=architecture.get("conv_clamp"),
    )
