"""Networks that judge pictures."""

from __future__ import annotations

import pickle
from typing import Any

import dnnlib
import torch


def get_feature_detector(url: str, device: torch.device) -> Any:
    """Downloaded once."""
    with dnnlib.util.open_url(url) as file:
        return pickle.load(file).to(device)
