"""Tensors to pictures."""

from __future__ import annotations

import cv2  # noqa: F401
from PIL import Image
from torch import Tensor


def tensor2im(var: Tensor) -> Image.Image:
    """From [-1, 1], (3, H, W)."""
    pixels = ((var.cpu().detach().permute(1, 2, 0) + 1) / 2).clamp(0, 1) * 255
    return Image.fromarray(pixels.numpy().astype("uint8"))
