"""What rosinality's two CUDA extensions do, in plain PyTorch, for oracle runs of GANInverter without CUDA.

The original compiles them as it is imported; its own autograd functions call them, for derivatives too.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def fused_bias_act(
    input: Tensor, bias: Tensor, refer: Tensor, act: int, grad: int, alpha: float, scale: float
) -> Tensor:
    """Bias over dimension 1 and a scaled leaky ReLU, or with ``grad`` its derivative where ``refer`` was the output."""
    assert act == 3
    if bias.numel():
        input = input + bias.view(-1, *[1] * (input.ndim - 2))
    if grad == 0:
        return F.leaky_relu(input, alpha) * scale
    return torch.where(refer > 0, input, alpha * input) * scale


def upfirdn2d(input: Tensor, kernel: Tensor, up_x: int, up_y: int, down_x: int, down_y: int, *padding: int) -> Tensor:
    """Insert zeros, pad, filter with the kernel (convolution, not correlation), drop samples: (images, H, W, 1)."""
    images, height, width, _ = input.shape
    spread = input.new_zeros(images, 1, height * up_y, width * up_x)
    spread[..., ::up_y, ::up_x] = input.permute(0, 3, 1, 2)
    filtered = F.conv2d(F.pad(spread, padding), kernel.flip(0, 1)[None, None], stride=(down_y, down_x))
    return filtered.permute(0, 2, 3, 1).contiguous()


def serve(cpp_extension: Any) -> None:
    """Compile nothing."""
    cpp_extension.load = lambda name, sources, **options: SimpleNamespace(
        fused_bias_act=fused_bias_act, upfirdn2d=upfirdn2d
    )
