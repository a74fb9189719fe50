"""The regressor: attributes and identity of portraits, and a feature space in which to compare images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zplus_plugins.portraits.drawing.attributes import ATTRIBUTES
from zplus_plugins.portraits.networks.convnet import SLOPE, stage

MEASURED = tuple(attribute for attribute in ATTRIBUTES if attribute.kind != "odd")
NAMES = tuple(attribute.name for attribute in MEASURED)
UNSEEN = ("brow_arch", "nose_length", "nose_width", "mouth_width")
"""Attributes that the embedded regressor has not learnt, because they change few pixels: R² is below 0.1.

Its predictions for them are noise, and are excluded from leakage. It explains more than half of the variance of all
others.
"""
CHANNELS = (32, 64, 96, 64)


class Regressor(nn.Module):
    """Attributes and identity of portraits (B, 3, 64, 64) in [-1, 1].

    Args:
        channels: channels of the features at 32, 16, 8 and 4.
        features: dimension of the feature vector.
        identity: dimension of the identity vector.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, channels: Sequence[int] = CHANNELS, features: int = 128, identity: int = 64) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.stages = nn.ModuleList(stage(*pair) for pair in pairwise((3, *channels)))
        self.to_features = nn.Linear(16 * channels[-1], features)
        self.to_attributes = nn.Linear(features, len(MEASURED))
        self.to_identity = nn.Sequential(
            nn.Linear(features, features), nn.LeakyReLU(SLOPE), nn.Linear(features, identity)
        )
        ends = torch.tensor([(attribute.low, attribute.high) for attribute in MEASURED], dtype=torch.float32)
        self.register_buffer("centre", ends.mean(dim=1), persistent=False)
        self.register_buffer("spread", (ends[:, 1] - ends[:, 0]) / 2, persistent=False)

    def maps(self, pictures: Tensor) -> list[Tensor]:
        """Features at 32, 16, 8 and 4: (B, C, r, r) each."""
        maps = [pictures]
        for one in self.stages:
            maps.append(one(maps[-1]))
        return maps[1:]

    def features(self, pictures: Tensor) -> Tensor:
        """Feature vectors (B, features), with which sets of images are compared."""
        return F.leaky_relu(self.to_features(self.maps(pictures)[-1].flatten(1)), SLOPE)

    def attributes(self, pictures: Tensor) -> Tensor:
        """Attributes (B, len(MEASURED)), in the units and order of the attribute table."""
        return self.look(pictures)[0]

    def identity(self, pictures: Tensor) -> Tensor:
        """Identities as unit vectors (B, identity); the inner product of two is their similarity, at most 1."""
        return self.look(pictures)[1]

    def look(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Attributes and identity of images, in one pass."""
        features = self.features(pictures)
        attributes = self.centre + self.spread * self.to_attributes(features)
        return attributes, F.normalize(self.to_identity(features), dim=1)


def perceptual(regressor: Regressor, pictures: Tensor, targets: Tensor) -> Tensor:
    """Perceptual distance (B,) of images: that of their normalised features at 32, 16 and 8, as in LPIPS."""
    both = zip(regressor.maps(pictures)[:3], regressor.maps(targets)[:3], strict=True)
    gaps = [(F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(dim=1).mean(dim=(1, 2)) for a, b in both]
    return torch.stack(gaps).sum(dim=0)
