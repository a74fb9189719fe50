"""The base-code encoder: from a portrait to f, the generator's features at 8 x 8."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from zplus_plugins.portraits.convnet import stage

F_RESOLUTION = 8
CHANNELS = (48, 80, 96)


class Encoder(nn.Module):
    """Pictures (B, 3, 64, 64) -> f (B, outputs, 8, 8).

    Args:
        outputs: channels of the generator's features at 8 x 8.
        channels: of the encoder's at 32, 16, 8.
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
