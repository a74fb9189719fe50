"""Resampling with a filter in one kernel, which is left out: the import fails, as the original's does without CUDA."""

from __future__ import annotations

import os
from typing import Any

from torch import Tensor
from torch.utils.cpp_extension import load

module_path = os.path.dirname(__file__)
upfirdn2d_op: Any = load(
    "upfirdn2d", sources=[os.path.join(module_path, name) for name in ("upfirdn2d.cpp", "upfirdn2d_kernel.cu")]
)


def upfirdn2d(input: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """Upsample by inserting zeros, pad, filter, downsample: images (N, C, H, W)."""
    batch, channels, height, width = input.shape
    out = upfirdn2d_op.upfirdn2d(input.reshape(-1, height, width, 1), kernel, up, up, down, down, *pad, *pad)
    return out.view(batch, channels, *out.shape[1:3])
