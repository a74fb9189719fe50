"""Upsample, filter, and downsample images in one operation."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_utils import custom_ops, misc

from . import conv2d_gradfix

_inited = False
_plugin: Any = None


def _init() -> bool:
    """Whether there is a kernel. A failure is not remembered, as in the original: every call tries again."""
    global _plugin
    if not _inited:
        sources = [str(Path(__file__).with_suffix(suffix)) for suffix in (".cpp", ".cu")]
        try:
            _plugin = custom_ops.get_plugin("upfirdn2d_plugin", sources=sources)
        except Exception:
            warnings.warn(f"No CUDA kernel for upfirdn2d: {traceback.format_exc()}", stacklevel=2)
    return _plugin is not None


def setup_filter(f: Sequence[float]) -> Tensor:
    """A separable low-pass filter that keeps the mean, (taps, taps)."""
    taps = torch.tensor(f, dtype=torch.float32)
    kernel = taps.outer(taps)
    return kernel / kernel.sum()


def upfirdn2d(
    x: Tensor,
    f: Tensor,
    up: int = 1,
    down: int = 1,
    padding: Sequence[int] = (0, 0, 0, 0),
    flip_filter: bool = False,
    gain: float = 1,
    impl: str = "cuda",
) -> Tensor:
    """Images (N, C, H, W), with zeros between the pixels, padded, convolved, and thinned out."""
    assert impl in ("ref", "cuda")
    if impl == "cuda" and x.device.type == "cuda" and _init():
        return _plugin.upfirdn2d(x, f, up, down, padding, flip_filter, gain)
    return _upfirdn2d_ref(x, f, up, down, padding, flip_filter, gain)


@misc.profiled_function
def _upfirdn2d_ref(
    x: Tensor,
    f: Tensor,
    up: int = 1,
    down: int = 1,
    padding: Sequence[int] = (0, 0, 0, 0),
    flip_filter: bool = False,
    gain: float = 1,
) -> Tensor:
    n, channels, height, width = x.shape
    spread = x.new_zeros(n, channels, height * up, width * up)
    spread[:, :, ::up, ::up] = x
    kernel = gain * (f if flip_filter else f.flip([0, 1]))
    weight = kernel.expand(channels, 1, *kernel.shape)
    y = conv2d_gradfix.conv2d(F.pad(spread, list(padding)), weight, groups=channels)
    return y[:, :, ::down, ::down]


def upsample2d(x: Tensor, f: Tensor, up: int = 2, impl: str = "cuda") -> Tensor:
    """Images of ``up`` times the size."""
    before, after = (len(f) + up - 1) // 2, (len(f) - up) // 2
    return upfirdn2d(x, f, up=up, padding=(before, after, before, after), gain=up**2, impl=impl)
