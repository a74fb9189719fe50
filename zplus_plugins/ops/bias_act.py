"""Bias, leaky ReLU and gain in one, and its derivative."""

from __future__ import annotations

import torch
from torch import Tensor


def bias_act(
    x: Tensor,
    bias: Tensor | None = None,
    *,
    negative_slope: float = 0.2,
    gain: float = 2**0.5,
    sign_of: Tensor | None = None,
) -> Tensor:
    """``gain * leaky_relu(x + bias)``.

    With ``sign_of`` the slope is chosen by the sign of that tensor instead of the sum's own. Where it is the
    output of an earlier call, this is that call's derivative applied to x, because slope and gain are positive
    and keep signs; and it is linear in x, so it is its own derivative.

    Args:
        x: of shape (N, C, ...) and any floating dtype.
        bias: of shape (C,), added along axis 1; None adds nothing.
        negative_slope: of the leaky ReLU where the sign is not positive.
        gain: factor of the result.
        sign_of: of x's shape.

    Returns:
        A tensor of x's shape and dtype.
    """
    if bias is not None:
        x = x + bias.view(-1, *[1] * (x.ndim - 2))
    positive = (x if sign_of is None else sign_of) > 0
    return torch.where(positive, x, x * negative_slope) * gain
