"""Convolutions with resampling."""

from __future__ import annotations

from torch import Tensor

from torch_utils import misc

from . import conv2d_gradfix, upfirdn2d


@misc.profiled_function
def conv2d_resample(
    x: Tensor,
    w: Tensor,
    f: Tensor | None = None,
    up: int = 1,
    padding: int = 0,
    groups: int = 1,
    flip_weight: bool = True,
) -> Tensor:
    """Upsample images (N, C, H, W) with a filter if asked to, then convolve; not flipped is the textbook's way."""
    if up > 1:
        assert f is not None
        # The filter's response beyond the border belongs to what is convolved, as in the original.
        before, after = padding + (len(f) + up - 1) // 2, padding + (len(f) - up) // 2
        x = upfirdn2d.upfirdn2d(x, f, up=up, padding=(before, after, before, after), gain=up**2)
        padding = 0
    return conv2d_gradfix.conv2d(x, w if flip_weight else w.flip([2, 3]), padding=padding, groups=groups)
