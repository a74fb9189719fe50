"""Between image files and tensors."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def preprocess(images: np.ndarray, channel_order: str = "RGB") -> np.ndarray:
    """uint8 (N, H, W, 3) to float32 RGB (N, 3, H, W) in [-1, 1]."""
    if channel_order == "BGR":
        images = images[..., ::-1]
    return np.moveaxis(images / 127.5 - 1, -1, 1).astype(np.float32)


def postprocess(images: Tensor) -> np.ndarray:
    """RGB (N, 3, H, W) in [-1, 1] to uint8 BGR (N, H, W, 3), as OpenCV writes it."""
    return _to_bytes(images.detach())[..., ::-1]


def Lanczos_resizing(image_target: Tensor, resizing_tuple: tuple[int, int] = (256, 256)) -> Tensor:
    """Resize (N, 3, H, W) in [-1, 1] by way of 8-bit images; the name is the original's."""
    images = (Image.fromarray(image) for image in _to_bytes(image_target))
    resized = (np.array(image.resize(resizing_tuple, Image.Resampling.LANCZOS)) for image in images)
    return torch.cat([torch.from_numpy(preprocess(image[np.newaxis])).cuda() for image in resized])


def _to_bytes(images: Tensor) -> np.ndarray:
    levels = np.moveaxis(images.cpu().numpy(), 1, -1) * 127.5 + 127.5
    return np.clip(levels + 0.5, 0, 255).astype(np.uint8)
