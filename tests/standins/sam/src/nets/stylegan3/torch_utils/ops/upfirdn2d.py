"""Resampling with a filter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_utils import custom_ops

from . import conv2d_gradfix

_plugin = None


def _init() -> bool:
    global _plugin
    if _plugin is None:
        _plugin = custom_ops.get_plugin("upfirdn2d_plugin", ["upfirdn2d.cpp", "upfirdn2d.cu"])
    return True


def setup_filter(f: Sequence[float]) -> Tensor:
    """A square filter from its taps, with sum 1."""
    taps = torch.as_tensor(f, dtype=torch.float32)
    return taps.outer(taps) / taps.sum() ** 2


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
    """Upsample by inserting zeros, pad, filter, downsample."""
    if impl == "cuda" and x.device.type == "cuda" and _init():
        raise NotImplementedError
    return _upfirdn2d_ref(x, f, up=up, down=down, padding=padding, flip_filter=flip_filter, gain=gain)


def _upfirdn2d_ref(
    x: Tensor, f: Tensor, up: int, down: int, padding: Sequence[int], flip_filter: bool, gain: float
) -> Tensor:
    images, channels, height, width = x.shape
    x = x.reshape(-1, 1, height, 1, width, 1)
    x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1)).reshape(-1, 1, height * up, width * up)
    weight = gain * (f if flip_filter else f.flip(0, 1))
    x = conv2d_gradfix.conv2d(F.pad(x, tuple(padding)), weight[None, None])[..., ::down, ::down]
    return x.reshape(images, channels, *x.shape[2:])


def upsample2d(x: Tensor, f: Tensor, up: int = 2) -> Tensor:
    """Twice the size, with the filter centred."""
    before = (f.shape[-1] + up - 1) // 2
    after = (f.shape[-1] - up) // 2
    return upfirdn2d(x, f, up=up, padding=(before, after, before, after), gain=up**2)
