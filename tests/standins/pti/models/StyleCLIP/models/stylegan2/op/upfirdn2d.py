"""Resampling with a filter: every channel is an image of one."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def upfirdn2d(input: Tensor, kernel: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """Followed by zeros, padded, convolved, and thinned out."""
    planes = input.flatten(0, 1)[:, None]
    zeros = kernel.new_zeros(1, 1, up, up)
    zeros[..., 0, 0] = 1
    planes = F.pad(F.conv_transpose2d(planes, zeros, stride=up), (*pad, *pad))
    return F.conv2d(planes, kernel.flip((0, 1)).view(1, 1, *kernel.shape), stride=down).unflatten(0, input.shape[:2])[
        :, :, 0
    ]
