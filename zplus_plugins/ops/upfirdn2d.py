"""Upsample, filter and downsample images (Karras et al., 2020: arXiv 1912.04958, 2006.06676)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, library

from zplus_plugins.errors import OpsArgumentError
from zplus_plugins.ops.bias_act import DTYPES
from zplus_plugins.ops.choice import kernels_for
from zplus_plugins.ops.definition import reference
from zplus_plugins.ops.definition.filters import Pair, four, pair, size_of
from zplus_plugins.ops.recorded import recorded

NUMBERS = ("upx", "upy", "downx", "downy", "padx0", "padx1", "pady0", "pady1", "flip", "gain")


def upfirdn2d(
    x: Tensor,
    f: Tensor | None,
    up: Pair = 1,
    down: Pair = 1,
    padding: Pair = 0,
    flip_filter: bool = False,
    gain: float = 1,
) -> Tensor:
    """Insert zeros between samples, pad with zeros, filter each channel, and keep every n-th sample.

    Its derivative with respect to x is an operation of the same kind, with up and down exchanged and the filter
    flipped, so it is differentiable to any order. It is not differentiable with respect to f.

    Args:
        x: images of shape (B, C, H, W), with any strides; float16, bfloat16, float32 or float64.
        f: filter of shape (fh, fw), or (taps,) for use along both axes; float32, on the device of x; None for 1.
        up: upsampling factor: an integer of at least 1, or (x, y).
        down: downsampling factor, which keeps the first of each group of samples; likewise.
        padding: samples to add after upsampling: an integer, (x, y), or (left, right, top, bottom); negative values
            crop.
        flip_filter: False for a convolution (the filter is rotated by 180 degrees), True for a correlation.
        gain: factor of the result. For a filter with one axis, its square root is applied along each axis, so it must
            be at least 0.

    Returns:
        Images with the dtype of x and shape (B, C, out_h, out_w), with
        ``out_h = (H * up_y + top + bottom - fh) // down_y + 1`` and likewise out_w; channels last
        if x is, else contiguous.

    Raises:
        OpsArgumentError: a shape, dtype or value is invalid, or the padded image is smaller than the filter.
    """
    (upx, upy), (downx, downy) = pair(up, "up"), pair(down, "down")
    padx0, padx1, pady0, pady1 = four(padding)
    _check(x, f, gain)
    if f is None:
        f = torch.ones(1, 1, device=x.device)
    width, height = x.shape[3] * upx + padx0 + padx1, x.shape[2] * upy + pady0 + pady1
    if width < f.shape[-1] or height < f.shape[0]:
        raise OpsArgumentError(
            f"The image is {width} x {height} (width x height) after upsampling and padding; expected at least the"
            f" filter's {f.shape[-1]} x {f.shape[0]}; pad more."
        )
    along_x: dict[str, Any] = {"upx": upx, "downx": downx, "padx0": padx0, "padx1": padx1}
    along_y: dict[str, Any] = {"upy": upy, "downy": downy, "pady0": pady0, "pady1": pady1}
    if f.ndim == 2:
        return _resample(x, f, **along_x, **along_y, flip=flip_filter, gain=float(gain))
    root = float(gain) ** 0.5
    x = _resample(x, f[None], **along_x, **_still("y"), flip=flip_filter, gain=root)
    return _resample(x, f[:, None], **_still("x"), **along_y, flip=flip_filter, gain=root)


def filter2d(x: Tensor, f: Tensor | None, padding: Pair = 0, flip_filter: bool = False, gain: float = 1) -> Tensor:
    """Filter images; the result has the size of the images plus ``padding``. See :func:`upfirdn2d`."""
    return upfirdn2d(x, f, padding=_placed(f, 1, 1, padding), flip_filter=flip_filter, gain=gain)


def upsample2d(
    x: Tensor, f: Tensor | None, up: Pair = 2, padding: Pair = 0, flip_filter: bool = False, gain: float = 1
) -> Tensor:
    """Upsample images to ``up`` times their size plus ``padding``; preserves brightness. See :func:`upfirdn2d`."""
    upx, upy = pair(up, "up")
    return upfirdn2d(x, f, up=up, padding=_placed(f, up, 1, padding), flip_filter=flip_filter, gain=gain * upx * upy)


def downsample2d(
    x: Tensor, f: Tensor | None, down: Pair = 2, padding: Pair = 0, flip_filter: bool = False, gain: float = 1
) -> Tensor:
    """Downsample images by ``down``, after adding ``padding``. See :func:`upfirdn2d`."""
    return upfirdn2d(x, f, down=down, padding=_placed(f, 1, down, padding), flip_filter=flip_filter, gain=gain)


def _placed(f: Tensor | None, up: Pair, down: Pair, padding: Pair) -> tuple[int, int, int, int]:
    """Padding that centres the filter, and makes the size an exact multiple or fraction of the image's."""
    (upx, upy), (downx, downy), (fw, fh) = pair(up, "up"), pair(down, "down"), size_of(f)
    left, right, top, bottom = four(padding)
    # The total padding along an axis: the filter's support, minus the samples that up or down accounts for.
    reach_x, reach_y = fw - downx, fh - downy
    return (
        left + (reach_x + upx) // 2,
        right + (reach_x - upx + 1) // 2,
        top + (reach_y + upy) // 2,
        bottom + (reach_y - upy + 1) // 2,
    )


def _still(axis: str) -> dict[str, int]:
    """Parameters that leave an axis unchanged."""
    return {f"up{axis}": 1, f"down{axis}": 1, f"pad{axis}0": 0, f"pad{axis}1": 0}


def _check(x: Tensor, f: Tensor | None, gain: float) -> None:
    if x.ndim != 4 or x.dtype not in DTYPES:
        raise OpsArgumentError(
            f"The images are {x.dtype} of shape {tuple(x.shape)}; expected shape (B, C, H, W) and float16, bfloat16,"
            " float32 or float64."
        )
    if f is None:
        return
    if f.ndim not in (1, 2) or f.numel() == 0 or f.dtype != torch.float32 or f.device != x.device:
        raise OpsArgumentError(
            f"The filter is {f.dtype} of shape {tuple(f.shape)} on {f.device}; expected float32 of shape (taps,) or"
            f" (fh, fw) on {x.device}; use setup_filter."
        )
    if f.requires_grad:
        raise OpsArgumentError("The filter requires a gradient, but upfirdn2d does not provide one; detach it.")
    if f.ndim == 1 and gain < 0:
        raise OpsArgumentError(f"gain is {gain}; expected at least 0 with a filter of one axis.")


def _resample(
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
    flip: bool,
    gain: float,
) -> Tensor:
    arguments = (x, f, upx, upy, downx, downy, padx0, padx1, pady0, pady1, flip, gain)
    if torch.compiler.is_compiling():
        compiled: Tensor = _compiled(*arguments)
        return compiled
    if kernels_for(x.device) is None or not (torch.is_grad_enabled() and x.requires_grad):
        return _run(*arguments)
    return _eager(*arguments)


def _run(x: Tensor, f: Tensor, *numbers: Any) -> Tensor:
    """Call the kernels for the device of x, or the reference."""
    kernels = kernels_for(x.device)
    implementation = reference.upfirdn2d if kernels is None else kernels.upfirdn2d
    return implementation(x, f, **dict(zip(NUMBERS, numbers, strict=True)))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, f, *ctx.numbers = inputs
    ctx.sizes = *x.shape[2:], *output.shape[2:]
    ctx.save_for_backward(f)


def _derivative(call: Callable[..., Tensor]) -> Callable[[Any, Tensor], tuple[Tensor | None, ...]]:
    """The derivative of ``call`` by x, its transpose: exchanges up and down, flips the filter, adapts the padding."""

    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (f,) = ctx.saved_tensors
        upx, upy, downx, downy, padx0, _, pady0, _, flip, gain = ctx.numbers
        height, width, out_height, out_width = ctx.sizes
        fh, fw = f.shape
        before_x, before_y = fw - 1 - padx0, fh - 1 - pady0
        # The padding behind makes the result as large as x.
        behind_x = (width - 1) * upx + fw - out_width * downx - before_x
        behind_y = (height - 1) * upy + fh - out_height * downy - before_y
        turned = (downx, downy, upx, upy, before_x, behind_x, before_y, behind_y, not flip, gain)
        return (call(gradient, f, *turned), *[None] * (1 + len(NUMBERS)))

    return backward


_eager = recorded(_run, _keep, _derivative)

# The same for torch.compile, to which it is a single opaque operation.
_compiled: Any = library.custom_op(
    "zplus::upfirdn2d",
    _run,
    mutates_args=(),
    schema="(Tensor x, Tensor f, int upx, int upy, int downx, int downy, SymInt padx0, SymInt padx1, SymInt pady0,"
    " SymInt pady1, bool flip, float gain) -> Tensor",
)


def _fake(x: Tensor, f: Tensor, *numbers: Any) -> Tensor:
    size = reference.output_size(x, f, *numbers[:8])
    return x.new_empty((*x.shape[:2], *size)).contiguous(memory_format=reference.memory_format_of(x))


_compiled.register_fake(_fake)
_compiled.register_autograd(_derivative(_compiled), setup_context=_keep)
