"""Which models there are, and where their weights lie."""

from __future__ import annotations

import os

MODEL_DIR = os.path.join(os.path.dirname(os.path.relpath(__file__)), "pretrain")
MODEL_POOL = {
    "styleganinv_ffhq256": {"resolution": 256, "repeat_w": False},
    "styleganinv_tower256": {"resolution": 256, "repeat_w": False},
}
MAX_IMAGES_ON_DEVICE = 2


def get_weight_path(weight_name: str) -> str:
    """The file of a network's weights."""
    return os.path.join(MODEL_DIR, weight_name if weight_name.endswith(".pth") else f"{weight_name}.pth")
