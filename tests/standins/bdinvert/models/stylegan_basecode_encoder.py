"""Image -> base code, the starting point of F."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

from torch import Tensor, nn

_WIDTHS = {"default": 16}


class encoder_simple(nn.Module):
    """Convolutions that halve the resolution until that of the base code is reached."""

    def __init__(
        self, encoder_input_shape: Sequence[int], encoder_output_shape: Sequence[int], cfg: str = "default"
    ) -> None:
        super().__init__()
        if len(encoder_input_shape) != 3 or len(encoder_output_shape) != 3:
            raise ValueError(f"not (C, H, W): {encoder_input_shape}, {encoder_output_shape}")
        channels, width = encoder_input_shape[0], _WIDTHS[cfg]
        layers: list[nn.Module] = []
        for _ in range(int(log2(encoder_input_shape[1] // encoder_output_shape[1]))):
            conv = nn.Conv2d(channels, width, 3, padding=1)
            layers += [conv, nn.BatchNorm2d(width), nn.LeakyReLU(0.2), nn.AvgPool2d(2)]
            channels = width
        self.model = nn.Sequential(*layers, nn.Conv2d(channels, encoder_output_shape[0], 3, padding=1))
        print(self.model)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in [-1, 1] to base codes (N, C, h, w)."""
        return self.model(x)
