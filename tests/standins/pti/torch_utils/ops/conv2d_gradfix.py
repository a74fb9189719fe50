"""Convolutions under a name of their own."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor
from torch.nn import functional as F

enabled = False


def conv2d(input: Tensor, weight: Tensor, padding: int = 0, groups: int = 1) -> Tensor:
    """As torch's."""
    assert not _should_use_custom_op(input)
    return F.conv2d(input, weight, padding=padding, groups=groups)


def _should_use_custom_op(input: Tensor) -> bool:
    """Whether an old torch needs another one. Of today's it is said at every call that they cannot have it."""
    if enabled and input.device.type == "cuda":
        warnings.warn(f"conv2d_gradfix not supported on PyTorch {torch.__version__}.", stacklevel=2)
    return False
