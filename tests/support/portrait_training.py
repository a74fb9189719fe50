"""A training of the portraits' generator that is small enough for tests."""

from __future__ import annotations

import torch

from zplus_plugins.generators import Architecture
from zplus_plugins.portraits.networks.regressor import Regressor
from zplus_plugins.portraits.training.adversarial import Settings

TINY = Settings(
    Architecture(64, (4, 4, 4, 3, 2), z_dim=8, w_dim=8, mapping_layers=2),
    discriminator=(2, 3, 4, 4, 4),
    judges=3,
    posterior=(2, 3, 3, 3),
    alone=0,
    batch=4,
    r1_every=2,
)


def eyes() -> Regressor:
    """A thin regressor, always of the same weights."""
    torch.manual_seed(11)
    return Regressor((2, 3, 3, 2)).eval().requires_grad_(False)
