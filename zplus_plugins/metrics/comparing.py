"""How far features of a lower precision point from wanted directions: one layer's share of LPIPS, and its gradient.

Autograd would go through memory some twenty times, in float32. This computes the gradient together with the value, a
few pixels at a time, which stay in the cache.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_EPSILON = 1e-10
_AT_ONCE = 2**17  # float32 numbers that fit into a core's cache several times


def gap(features: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
    """The mean over pixels of the weighted squared differences of unit vectors, (B,), in the dtype of ``wanted``.

    Args:
        features: (B, C, r, r), such as bfloat16; the only argument with a gradient, which is not differentiable.
        wanted: the other images' features, of length 1, such as float32.
        weights: of the channels, (C,).
    """
    found: Tensor = _Gap.apply(features, wanted, weights)
    return found


class _Gap(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, wanted: Tensor, weights: Tensor) -> Tensor:
        vectors, others = (x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]) for x in (features, wanted))
        gaps = others.new_empty(len(others))
        gradient = torch.empty_like(vectors) if ctx.needs_input_grad[0] else None
        rows = max(1, _AT_ONCE // len(weights)) if features.device.type == "cpu" else max(1, len(vectors))
        for first in range(0, len(vectors), rows):
            part = slice(first, first + rows)
            x = vectors[part].to(others.dtype)
            length = torch.linalg.vector_norm(x, dim=1, keepdim=True)
            x = x / (length + _EPSILON)
            difference = x - others[part]
            weighted = difference * weights
            torch.sum(weighted * difference, dim=1, out=gaps[part])
            if gradient is not None:  # of the length: what points along the vector does not count
                weighted -= x * (weighted * x).sum(dim=1, keepdim=True)
                gradient[part] = weighted * torch.where(length > 0, 2 / length, 0)
        if gradient is not None:
            ctx.save_for_backward(gradient)
            ctx.shape = features.shape
        return gaps.view(len(features), -1).mean(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        images, channels, *size = ctx.shape
        scale = (outer / (size[0] * size[1])).to(gradient.dtype)
        scaled = gradient.view(images, -1, channels) * scale[:, None, None]
        return scaled.view(images, *size, channels).permute(0, 3, 1, 2), None, None
