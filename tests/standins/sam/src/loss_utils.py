"""Regularisers of the codes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def compute_mvg(d_latents: dict[str, Tensor], latent_name: str, mean_v: Tensor, inv_cov_v: Tensor) -> Tensor:
    """The squared Mahalanobis distance of W+ from the styles of random codes, summed over the layers."""
    assert latent_name == "W+"
    offsets = F.leaky_relu(d_latents["W+"].double(), negative_slope=5.0)[0] - mean_v
    return ((offsets @ inv_cov_v) * offsets).sum()


def delta_loss(latent: Tensor) -> Tensor:
    """How far the layers' codes are from the first layer's."""
    return torch.stack([(code - latent[:, 0]).norm(dim=1).mean() for code in latent.unbind(1)[1:]]).sum()
