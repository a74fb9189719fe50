"""Read the pickles of training runs."""

from __future__ import annotations

import pickle
from typing import IO, Any

import torch
from torch_utils import misc  # noqa: F401 (as the original, whose scripts then find it imported)


def load_network_pkl(f: IO[bytes], force_fp16: bool = False) -> dict[str, Any]:
    """The networks G, D and G_ema."""
    data: dict[str, Any] = pickle.Unpickler(f).load()
    for name in ("G", "D", "G_ema"):
        assert isinstance(data[name], torch.nn.Module)
    return data
