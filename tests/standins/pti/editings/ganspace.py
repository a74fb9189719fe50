"""Moves along principal components of W."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def edit(latents: Tensor, pca: dict[str, Tensor], edit_directions: Sequence[tuple[int, int, int, float]]) -> Tensor:
    """Codes (N, num_ws, w_dim) moved in each way: component, first layer, layer after the last, new coordinate."""
    edited = []
    for latent in latents:
        for index, start, end, strength in edit_directions:
            padded = torch.zeros(latent.shape).to("cuda")
            padded[start:end] += get_delta(pca, latent, index, strength)
            edited.append(latent + padded)
    return torch.stack(edited)


def get_delta(pca: dict[str, Tensor], latent: Tensor, idx: int, strength: float) -> Tensor:
    """What to add to a layer's code, judged by the first layer's, so that its coordinate becomes ``strength``."""
    mean, components, deviations = (pca[name].to("cuda") for name in ("mean", "comp", "std"))
    coordinate = ((latent - mean)[0].flatten() * components[idx].flatten()).sum() / deviations[idx]
    return (strength - coordinate) * components[idx] * deviations[idx]
