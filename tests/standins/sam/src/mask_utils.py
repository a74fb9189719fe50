"""Which latent holds which part of the image."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SIDES = {"F4": 16, "F6": 32, "F8": 64, "F10": 128}


def refine(d_invmaps: dict[str, Tensor], seg_map: np.ndarray, tau: float) -> dict[str, Tensor]:
    """Masks (1, 1, H, W): each segment belongs to the most editable latent that can invert it, F10 if none can."""
    chosen = np.full(seg_map.shape, "F10", dtype="U3")
    for value in np.unique(seg_map):
        segment = torch.from_numpy(seg_map == value)
        for name in ("F10", "F8", "F6", "F4", "W+"):
            if d_invmaps[name].detach().cpu()[0, 0][segment].mean() <= tau:
                chosen[segment.numpy()] = name
    return {name: torch.from_numpy(chosen == name)[None, None] for name in ("F10", "F8", "F6", "F4", "W+")}


def resize_binary_masks(d_refined_invmap: dict[str, Tensor]) -> dict[str, Tensor]:
    """The masks at the sizes of the feature maps."""
    resized = {}
    for name in ("W+", *SIDES):
        mask = d_refined_invmap[name][0, 0].detach().cpu().numpy()
        if name in SIDES:
            image = Image.fromarray(mask.astype(np.float32)).resize((SIDES[name],) * 2, Image.LANCZOS)
            mask = np.asarray(image).clip(0, mask.max())
        resized[name] = torch.tensor(mask[None, None]).cuda()
    return resized
