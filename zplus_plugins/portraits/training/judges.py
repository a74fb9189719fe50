"""Judges: small discriminators on the features of a pretrained network.

Adversarial training with the features of a fixed network needs an order of magnitude fewer images (Sauer et al., 2021:
arXiv 2111.01007; Kumari et al., 2022: arXiv 2112.09130).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from zplus_plugins.portraits.networks.convnet import SLOPE


class Judges(nn.Module):
    """From the regressor's features (B, C, r, r) at 32, 16, 8 and 4 to logits (B, positions) of all judges.

    Args:
        channels: channels of the features at 32, 16, 8 and 4.
        width: channels of the judges' own layers.
    """

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            _judge(inputs, width, halvings) for inputs, halvings in zip(channels, (3, 2, 1, 0), strict=True)
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        logits = [judge(features).flatten(1) for judge, features in zip(self.judges, maps, strict=True)]
        return torch.cat(logits, dim=1)


def _judge(inputs: int, width: int, halvings: int) -> nn.Sequential:
    """Layers that halve the resolution ``halvings`` times, and one logit for each remaining position."""
    layers: list[nn.Module] = [spectral_norm(nn.Conv2d(inputs, width, 1)), nn.LeakyReLU(SLOPE)]
    for _ in range(halvings):
        layers += [spectral_norm(nn.Conv2d(width, width, 4, stride=2, padding=1)), nn.LeakyReLU(SLOPE)]
    layers += [spectral_norm(nn.Conv2d(width, width, 3, padding=1)), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(width, 1, 1)))
