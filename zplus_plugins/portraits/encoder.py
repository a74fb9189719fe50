"""The base-code encoder: from a portrait to f, the generator's features at 8 x 8."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from zplus_plugins.portraits.discriminator import PlainConvolution, ResidualBlock

F_RESOLUTION = 8
CHANNELS = (32, 56, 88, 112)


class Encoder(nn.Module):
    """Pictures (B, 3, 64, 64) -> f (B, outputs, 8, 8).

    Args:
        outputs: channels of the generator's features at 8 x 8.
        channels: of the encoder's at 64, 32, 16, 8.
    """

    def __init__(self, outputs: int, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.outputs = outputs
        self.layers = nn.Sequential(
            PlainConvolution(3, channels[0], 3),
            *(ResidualBlock(*pair) for pair in pairwise(channels)),
            PlainConvolution(channels[-1], outputs, 3, activation="linear"),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        f: Tensor = self.layers(pictures)
        return f
