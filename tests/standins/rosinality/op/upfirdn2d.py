"""Resampling with a filter: compiled for CUDA as this is imported, in plain PyTorch on a CPU."""

from __future__ import annotations

import os
from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torch.utils.cpp_extension import load

module_path = os.path.dirname(__file__)
upfirdn2d_op: Any = load(
    "upfirdn2d", sources=[os.path.join(module_path, name) for name in ("upfirdn2d.cpp", "upfirdn2d_kernel.cu")]
)


def upfirdn2d(input: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """Insert zeros, pad, convolve each channel with the kernel, drop samples: images (N, C, H, W)."""
    if input.device.type != "cpu":
        raise NotImplementedError("the kernel is left out")
    batch, channels, height, width = input.shape
    spread = input.new_zeros(batch * channels, 1, height * up, width * up)
    spread[..., ::up, ::up] = input.reshape(-1, 1, height, width)
    out = F.conv2d(F.pad(spread, (*pad, *pad)), kernel.flip(0, 1)[None, None], stride=down)
    return out.reshape(batch, channels, *out.shape[2:])
