"""Resampling with a filter."""

from __future__ import annotations

import os

from torch import Tensor
from torch.utils.cpp_extension import load

module_path = os.path.dirname(__file__)
upfirdn2d_op = load(
    "upfirdn2d", sources=[os.path.join(module_path, name) for name in ("upfirdn2d.cpp", "upfirdn2d_kernel.cu")]
)


def upfirdn2d(input: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """The compiled function takes channels for pictures, of one channel each."""
    channels, (height, width) = input.shape[1], input.shape[2:]
    flat = input.reshape(-1, height, width, 1)
    out = upfirdn2d_op.upfirdn2d(flat, kernel, up, up, down, down, *pad, *pad)
    return out.reshape(-1, channels, *out.shape[1:3])
