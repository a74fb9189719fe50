"""Snapshots of networks."""

from __future__ import annotations

import pickle
from typing import Any

import dnnlib  # noqa: F401 (as the original)
from torch import nn


def load_network_pkl(f: Any, force_fp16: bool = False) -> dict[str, Any]:
    """The networks of a snapshot, by name."""
    data: dict[str, Any] = pickle.load(f)
    for name in ("G", "D", "G_ema"):
        assert isinstance(data[name], nn.Module)
    return data
