"""Bias and leaky ReLU: compiled for CUDA as this is imported, in plain PyTorch on a CPU."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.cpp_extension import load

module_path = os.path.dirname(__file__)
fused: Any = load(
    "fused", sources=[os.path.join(module_path, name) for name in ("fused_bias_act.cpp", "fused_bias_act_kernel.cu")]
)


class FusedLeakyReLU(nn.Module):
    """With a bias of its own."""

    def __init__(self, channel: int, bias: bool = True, negative_slope: float = 0.2, scale: float = 2**0.5) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channel)) if bias else None
        self.negative_slope, self.scale = negative_slope, scale

    def forward(self, input: Tensor) -> Tensor:
        return fused_leaky_relu(input, self.bias, self.negative_slope, self.scale)


def fused_leaky_relu(
    input: Tensor, bias: Tensor | None = None, negative_slope: float = 0.2, scale: float = 2**0.5
) -> Tensor:
    """Bias over dimension 1, then a scaled leaky ReLU."""
    if input.device.type != "cpu":
        raise NotImplementedError("the kernel is left out")
    if bias is not None:
        input = input + bias.reshape(1, -1, *[1] * (input.ndim - 2))
    return scale * F.leaky_relu(input, negative_slope)
