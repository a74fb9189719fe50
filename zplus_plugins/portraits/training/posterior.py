"""The encoder of a variational autoencoder (arXiv 1312.6114), which gives the distribution of a portrait's codes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from zplus_plugins.portraits.networks.convnet import stage


class Posterior(nn.Module):
    """Portraits (B, 3, 64, 64) -> means and logarithms of variances of normal distributions in Z, (B, z_dim) each.

    Args:
        z_dim: dimension of Z.
        channels: channels of the features at 32, 16, 8 and 4.
    """

    def __init__(self, z_dim: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.Sequential(*(stage(*pair) for pair in pairwise((3, *channels))))
        self.to_codes = nn.Linear(16 * channels[-1], 2 * z_dim)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.to_codes(self.stages(pictures).flatten(1)).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 5)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence (B,) of these distributions from the standard normal one, in nats."""
    return (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2


def drawn_from(mean: Tensor, log_variance: Tensor) -> Tensor:
    """One sample from each distribution, (B, z_dim)."""
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)
