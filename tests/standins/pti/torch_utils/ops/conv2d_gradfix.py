"""Convolutions under a name of their own."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

enabled = False


def conv2d(input: Tensor, weight: Tensor, padding: int = 0, groups: int = 1) -> Tensor:
    """As torch's."""
    return F.conv2d(input, weight, padding=padding, groups=groups)
