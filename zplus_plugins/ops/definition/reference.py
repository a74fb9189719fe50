"""Both operations in plain PyTorch: their definition, for every device, differentiable to any order.

The functions have the interface of compiled kernels (see :mod:`zplus_plugins.ops.choice`). float16 and
bfloat16 are computed in float32 and rounded once.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.ops.definition.activations import BY_INDEX


def computed_in(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which tensors of ``dtype`` are computed."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def bias_act(
    x: Tensor,
    b: Tensor | None,
    xref: Tensor | None,
    yref: Tensor | None,
    dy: Tensor | None,
    *,
    grad: int,
    dim: int,
    act: int,
    alpha: float,
    gain: float,
    clamp: float,
) -> Tensor:
    """``y = clamp(gain * act(u))`` with ``u = x + b``, or one of its derivatives.

    Args:
        x: the input (``grad`` 0), the gradient with respect to y (1), or that with respect to the result of order 1
            (2).
        b: bias of the forward call, shape (x.shape[dim],), or None.
        xref: for a derivative, x of the forward call; None if yref is given, or if neither is needed because the
            activation is linear without a clamp.
        yref: for a derivative, instead of xref, the output y of the forward call, whose sign determines the slope of a
            piecewise linear activation (``linear``, ``relu``, ``lrelu``; gain > 0 and alpha >= 0).
        dy: for order 2, the gradient with respect to y.
        grad: order of the derivative. 1: ``x * y'(u)``. 2: ``x * dy * y''(u)``. Both are 0 where ``|y| >= clamp``.
        dim: axis of the bias.
        act: index of the activation.
        alpha: its parameter.
        gain: factor.
        clamp: bound on ``|y|``; negative for none.

    Returns:
        A tensor with the shape and dtype of x and the strides of ``torch.empty_like(x)``, on which torch.compile
        relies.
    """
    activation, dtype, given = BY_INDEX[act], x.dtype, x
    x = x.to(computed_in(dtype))

    def biased(values: Tensor) -> Tensor:
        if b is None:
            return values.to(x.dtype)
        return values.to(x.dtype) + b.to(x.dtype).reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])

    def scaled_act(u: Tensor) -> Tensor:
        return activation.value(u, alpha) * gain

    if grad == 0:
        y = scaled_act(biased(x))
        if clamp >= 0:  # torch.clamp's slope at the bound is 1 or 0, depending on the version
            y = torch.where(y.abs() < clamp, y, y.detach().clamp(-clamp, clamp))
        return laid_out(y.to(dtype), torch.empty_like(given))
    if xref is None:
        xref, b = x if yref is None else yref, None
    u = biased(xref)
    slope = activation.first if grad == 1 else activation.second
    if slope is None:
        return torch.zeros_like(x, dtype=dtype)
    result = x * gain * slope(u, alpha)
    if grad == 2 and dy is not None:
        result = result * dy.to(x.dtype)
    if clamp >= 0:
        y, bound = scaled_act(u), torch.tensor(clamp, dtype=x.dtype, device=x.device)
        if yref is not None:
            y, bound = u, bound.to(dtype).to(x.dtype)  # rounded like the output
        result = torch.where(y.abs() < bound, result, torch.zeros_like(result))
    return laid_out(result.to(dtype), torch.empty_like(given))


def laid_out(x: Tensor, like: Tensor) -> Tensor:
    """x with the strides of ``like``, which must be dense."""
    same = x.stride() == like.stride() or (x.is_contiguous() and like.is_contiguous())
    return x if same else torch.empty_like(like).copy_(x)


def upfirdn2d(
    x: Tensor,
    f: Tensor,
    *,
    upx: int,
    upy: int,
    downx: int,
    downy: int,
    padx0: int,
    padx1: int,
    pady0: int,
    pady1: int,
    flip: bool,
    gain: float,
) -> Tensor:
    """Upsample with zeros, pad or crop, filter, and keep every n-th sample.

    Args:
        x: shape (B, C, H, W), any strides.
        f: filter of shape (fh, fw), float32.
        upx, upy: upsampling factors along W and H.
        downx, downy: downsampling factors along W and H.
        padx0, padx1: zeros before and after each row, after upsampling; negative values crop.
        pady0, pady1: zeros before and after each column.
        flip: False convolves, True correlates.
        gain: factor of the filter.

    Returns:
        A tensor of shape (B, C, out_h, out_w), see :func:`output_size`, with the dtype of x; channels last if x is,
        else contiguous.
    """
    batch, channels, height, width = x.shape
    dtype, memory_format = x.dtype, memory_format_of(x)
    x = x.to(computed_in(dtype))
    if upx * upy > 1:
        spread = x.new_zeros(batch, channels, height * upy, width * upx)
        spread[..., ::upy, ::upx] = x
        x = spread
    x = F.pad(x, (padx0, padx1, pady0, pady1))
    weight = (f * gain).to(x.dtype)
    if not flip:
        weight = weight.flip(0, 1)
    # One grouped convolution over all channels of all images is many times faster than a batch of one-channel images.
    planes = batch * channels
    folded = x.reshape(1, planes, *x.shape[2:]) if planes else x.reshape(0, 1, *x.shape[2:])
    y = F.conv2d(folded, weight.expand(max(planes, 1), 1, -1, -1), stride=(downy, downx), groups=max(planes, 1))
    return y.reshape(batch, channels, *y.shape[2:]).to(dtype).contiguous(memory_format=memory_format)


def output_size(
    x: Tensor,
    f: Tensor,
    upx: int,
    upy: int,
    downx: int,
    downy: int,
    padx0: int,
    padx1: int,
    pady0: int,
    pady1: int,
) -> tuple[int, int]:
    """The height and width of the result of :func:`upfirdn2d`, whose arguments these are."""
    (height, width), (fh, fw) = x.shape[2:], f.shape
    return (height * upy + pady0 + pady1 - fh) // downy + 1, (width * upx + padx0 + padx1 - fw) // downx + 1


def memory_format_of(x: Tensor) -> torch.memory_format:
    """The memory format of the result of :func:`upfirdn2d`: channels last if x is, else contiguous."""
    channels_last = x.stride(1) == 1 and x.shape[1] > 1 and not x.is_contiguous()
    return torch.channels_last if channels_last else torch.contiguous_format
