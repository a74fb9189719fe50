"""The package ``op`` of rosinality's StyleGAN2 and of its descendants, such as encoder4editing and PTI's copies.

:mod:`zplus_plugins.patches.ops.extensions` makes it importable; this patch replaces its functions by ours. The module
``FusedLeakyReLU`` and its state dictionary remain the upstream's, because it calls the function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.ops import bias_act, upfirdn2d
from zplus_plugins.patches.ops.custom_ops import wanted
from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal

PACKAGES = ("op", "models.stylegan2.op", "models.e4e.stylegan2.op", "models.StyleCLIP.models.stylegan2.op")


def _activation(theirs: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def fused_leaky_relu(
        input: Tensor, bias: Tensor | None = None, negative_slope: float = 0.2, scale: float = 2**0.5
    ) -> Tensor:
        if input.ndim == 3:  # the copies differ in the axis of the bias
            return theirs(input, bias, negative_slope, scale)
        return bias_act(input, bias, act="lrelu", alpha=negative_slope, gain=scale)

    return fused_leaky_relu


def _resampler(theirs: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def resample(input: Tensor, kernel: Tensor, up: Any = 1, down: Any = 1, pad: tuple[int, ...] = (0, 0)) -> Tensor:
        if kernel.dtype == torch.float64:  # our filters are float32
            return theirs(input, kernel, up=up, down=down, pad=pad)
        # Two numbers are the padding before and after, for both axes.
        padding = (*pad, *pad) if len(pad) == 2 else pad
        return upfirdn2d(input, kernel.float(), up=_listed(up), down=_listed(down), padding=list(padding))

    return resample


def _listed(factor: Any) -> Any:
    return list(factor) if isinstance(factor, Iterable) else factor


def _install(journal: Journal, run: RunContext) -> None:
    if not wanted(run):
        return
    for package in PACKAGES:
        journal.wrap_when_imported(f"{package}.fused_act:fused_leaky_relu", _activation)
        journal.wrap_when_imported(f"{package}.upfirdn2d:upfirdn2d", _resampler)


PATCH = Patch(
    name="rosinality ops",
    problem="the same operations in plain PyTorch convolve one channel at a time, 19 to 195 times slower than need be",
    install=_install,
)
