"""The layers of the regressor and the encoder: convolutions with batch normalisation, which train in minutes."""

from __future__ import annotations

from torch import nn

SLOPE = 0.1


def layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution, batch normalisation, leaky ReLU."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(SLOPE))


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """Two layers that halve the resolution."""
    return nn.Sequential(layer(inputs, outputs, stride=2), layer(outputs, outputs))
