"""The operations against upstreams' own reference functions, imported from real checkouts, over a large seeded grid."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from support import op_grid, upstream_ops
from support.op_implementations import serving
from zplus_plugins import ops

pytestmark = [pytest.mark.upstream, pytest.mark.filterwarnings("ignore")]
COMBINATIONS = 2400
NVLABS = ("PTI", "sam_inversion/src/nets/stylegan3", "stylegan2-ada-pytorch")


@pytest.fixture(autouse=True, scope="module", params=["cpu", "reference"])
def implementation(request: pytest.FixtureRequest) -> Iterator[None]:
    with serving(request.param):
        yield


@pytest.fixture(scope="module", params=NVLABS)
def nvlabs(request: pytest.FixtureRequest, upstreams: Path) -> tuple[ModuleType, ModuleType]:
    return upstream_ops.nvlabs(upstreams / request.param)


def with_gradient(call: Any, x: Tensor, **arguments: Any) -> tuple[Tensor, Tensor]:
    """A result, and the gradient of a weighted sum of it."""
    x = x.detach().requires_grad_()
    y = call(x, **arguments)
    weights = torch.linspace(-1, 1, y.numel(), dtype=torch.float64).reshape(y.shape).to(torch.bfloat16).to(y.dtype)
    (gradient,) = torch.autograd.grad(y, x, weights)
    return y.detach(), gradient


def exact(case: dict[str, Any]) -> dict[str, Any]:
    """Half types in float64, in which upstream's reference rounds nothing; ours is to be that, rounded."""
    if case["x"].dtype not in (torch.float16, torch.bfloat16):
        return case
    return {name: value.double() if name in ("x", "b") and value is not None else value for name, value in case.items()}


def test_bias_act(nvlabs: tuple[ModuleType, ModuleType]) -> None:
    for case in op_grid.bias_act_cases(COMBINATIONS, seed=11):
        dtype, clamp = case["x"].dtype, case["clamp"]
        found, slope = with_gradient(ops.bias_act, **case)
        expected, expected_slope = with_gradient(nvlabs[0].bias_act, **exact(case), impl="ref")
        op_grid.close(found, expected, dtype)
        if clamp is not None:  # what is rounded to the bound has no slope
            kept = (expected.abs() < clamp) == (found.abs() < torch.tensor(clamp, dtype=dtype))
            slope, expected_slope = slope[kept], expected_slope[kept]
            assert kept.double().mean() > 0.9 or kept.numel() < 30
        op_grid.close(slope, expected_slope, dtype)


def test_upfirdn2d(nvlabs: tuple[ModuleType, ModuleType]) -> None:
    for case in op_grid.upfirdn2d_cases(COMBINATIONS, seed=12):
        found = with_gradient(ops.upfirdn2d, **case)
        for ours, theirs in zip(found, with_gradient(nvlabs[1].upfirdn2d, **exact(case), impl="ref"), strict=True):
            op_grid.close(ours, theirs, case["x"].dtype)


@pytest.mark.parametrize("function", ["filter2d", "upsample2d", "downsample2d"])
def test_conveniences(nvlabs: tuple[ModuleType, ModuleType], function: str) -> None:
    x = torch.randn(2, 3, 16, 15, dtype=torch.float64)
    for taps in ([1, 3, 3, 1], range(1, 10), torch.randn(3, 5)):
        f = ops.setup_filter(taps, gain=2.3)
        assert torch.equal(f, nvlabs[1].setup_filter(taps, gain=2.3))
        for padding in (0, 3, (1, -1), (3, -1, 2, 1)):
            expected = getattr(nvlabs[1], function)(x, f, padding=padding, gain=1.7, impl="ref")
            op_grid.close(getattr(ops, function)(x, f, padding=padding, gain=1.7), expected, torch.float64)


@pytest.mark.parametrize("folder", upstream_ops.ROSINALITY.values(), ids=upstream_ops.ROSINALITY)
def test_rosinalitys_upfirdn2d(folder: str, upstreams: Path) -> None:
    native = upstream_ops.rosinality(upstreams / folder)
    for case in op_grid.upfirdn2d_cases(COMBINATIONS, seed=13, dtypes=(torch.float32, torch.float64)):
        x, f = case["x"], case["f"]
        if f is None or f.ndim == 1 or 0 in x.shape:
            continue
        (upx, upy), (downx, downy) = op_grid.pair(case["up"]), op_grid.pair(case["down"])
        left, right, top, bottom = op_grid.four(case["padding"])
        expected = native(x.contiguous(), f.to(x.dtype), upx, upy, downx, downy, left, right, top, bottom)
        found = ops.upfirdn2d(x, f, up=(upx, upy), down=(downx, downy), padding=(left, right, top, bottom))
        op_grid.close(found, expected, x.dtype)


@pytest.mark.parametrize("extra", [0, 1, 3])
@pytest.mark.parametrize("factor", [1, 2])
def test_genforces_upsampling(factor: int, extra: int, upstreams: Path) -> None:
    if factor == 2 and extra:
        return
    layer = upstream_ops.genforce(upstreams / "BDInvert_Release")(scale_factor=factor, extra_padding=extra).double()
    x, reach = torch.randn(2, 3, 9, 8, dtype=torch.float64), 4 - factor + extra
    before, behind = (reach + 1) // 2 + factor - 1, reach // 2
    padding = (before, behind, before, behind)
    found = ops.upfirdn2d(x, ops.setup_filter([1, 3, 3, 1]), up=factor, padding=padding, gain=factor**2)
    op_grid.close(found, layer(x), torch.float64)
