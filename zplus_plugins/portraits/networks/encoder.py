"""The base-code encoder: from a portrait to f, the generator's features at 4 x 4."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from zplus_plugins.portraits.networks.convnet import stage

F_RESOLUTION = 4
CHANNELS = (32, 64, 96, 96)


class Encoder(nn.Module):
    """Images (B, 3, 64, 64) -> f (B, outputs, 4, 4).

    Args:
        outputs: channels of the generator's features at 4 x 4.
        channels: channels of the encoder's features at 32, 16, 8, 4.
    """

    def __init__(self, outputs: int, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.outputs = outputs
        self.layers = nn.Sequential(
            *(stage(*pair) for pair in pairwise((3, *channels))), nn.Conv2d(channels[-1], outputs, 3, padding=1)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        f: Tensor = self.layers(pictures)
        return f
