"""Measure how close the operations come to memory bandwidth, in about a second."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from zplus_plugins.ops.bias_act import bias_act
from zplus_plugins.ops.definition.filters import setup_filter
from zplus_plugins.ops.upfirdn2d import upfirdn2d

SECONDS = 0.4
SIDE, CHANNELS = 512, 32  # 32 MiB in float32


def measure(device: torch.device) -> str:
    """A line with the bytes per second that both operations read and write, relative to those of a copy."""
    x = torch.randn(1, CHANNELS, SIDE, SIDE, device=device)
    b, f = torch.randn(CHANNELS, device=device), setup_filter([1, 3, 3, 1], device=device)
    with torch.no_grad():
        copying = _bandwidth(lambda: x.clone(), x)
        activating = _bandwidth(lambda: bias_act(x, b, act="lrelu"), x)
        filtering = _bandwidth(lambda: upfirdn2d(x, f, padding=(2, 1, 2, 1)), x)
    return (
        f"bias_act {activating / 1e9:.1f} GB/s, {activating / copying:.0%} of the speed of copying; "
        f"upfirdn2d {filtering / 1e9:.1f} GB/s, {filtering / copying:.0%}"
    )


def _bandwidth(operation: Callable[[], Tensor], x: Tensor) -> float:
    """Bytes per second, the median over calls for ``SECONDS``; each call reads x and writes as many bytes."""
    operation()
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        operation()
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        times.append(time.perf_counter() - start)
    return 2 * x.numel() * x.element_size() / statistics.median(times)
