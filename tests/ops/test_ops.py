"""The operations against slow definitions of them, and their derivatives against finite differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from support import op_grid
from support.op_implementations import serving
from support.op_parity import slope_ends_at_the_bound
from zplus_plugins import ops
from zplus_plugins.errors import OpsArgumentError

CASES = 150


@pytest.fixture(autouse=True, scope="module", params=["reference", "cpu"])
def implementation(request: pytest.FixtureRequest) -> Iterator[str]:
    """All tests are of each implementation that runs everywhere."""
    with serving(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_bias_act_is_its_definition() -> None:
    for case in op_grid.bias_act_cases(CASES, seed=1):
        found = ops.bias_act(**case)
        assert found.shape == case["x"].shape
        op_grid.close(found, op_grid.slow_bias_act(**case), case["x"].dtype)


def test_upfirdn2d_is_its_definition() -> None:
    for case in op_grid.upfirdn2d_cases(CASES, seed=2):
        op_grid.close(ops.upfirdn2d(**case), op_grid.slow_upfirdn2d(**case), case["x"].dtype)


def test_bias_act_keeps_the_memory_format() -> None:
    x = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    assert ops.bias_act(x, torch.randn(3), act="lrelu").is_contiguous(memory_format=torch.channels_last)


def test_upfirdn2d_keeps_the_memory_format() -> None:
    x, f = torch.randn(2, 3, 4, 5), torch.randn(3, 3)
    assert ops.upfirdn2d(x, f).is_contiguous()
    x = x.to(memory_format=torch.channels_last)
    assert ops.upfirdn2d(x, f, up=2).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("clamp", [None, 0.8])
@pytest.mark.parametrize("act", op_grid.ACTIVATIONS)
def test_bias_act_is_differentiable_twice(act: str, clamp: float | None) -> None:
    x = torch.randn(2, 3, 2, dtype=torch.float64, requires_grad=True)
    b = torch.randn(3, dtype=torch.float64, requires_grad=True)

    def activate(x: Tensor, b: Tensor) -> Tensor:
        return ops.bias_act(x, b, act=act, gain=1.3, clamp=clamp)

    assert gradcheck(activate, (x, b))
    assert gradgradcheck(activate, (x, b))


@pytest.mark.parametrize(("alpha", "gain"), [(-0.5, 1.0), (0.2, -2.0), (0.0, 1.0)])
def test_bias_act_is_differentiable_where_its_result_hides_the_sign(alpha: float, gain: float) -> None:
    x = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x: ops.bias_act(x, act="lrelu", alpha=alpha, gain=gain, clamp=1.0), (x,))


@pytest.mark.parametrize("act", op_grid.ACTIVATIONS)
def test_the_slope_ends_at_the_bound(act: str) -> None:
    slope_ends_at_the_bound("cpu", act)


def test_bias_act_is_differentiable_three_times() -> None:
    x = torch.randn(5, 2, dtype=torch.float64, requires_grad=True)

    def slope(x: Tensor) -> Tensor:
        (first,) = torch.autograd.grad(ops.bias_act(x, act="tanh", gain=2.0).sum(), x, create_graph=True)
        return first

    assert gradgradcheck(slope, (x,))


@pytest.mark.parametrize("f", [torch.randn(4, 3), torch.randn(3)], ids=["two axes", "one axis"])
@pytest.mark.parametrize(("up", "down", "padding"), [(1, 1, 2), (2, 1, (2, 1, 1, 2)), ((3, 1), (2, 3), (-1, 3, 3, -2))])
def test_upfirdn2d_is_differentiable_twice(f: Tensor, up: Any, down: Any, padding: Any) -> None:
    x = torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)

    def resample(x: Tensor) -> Tensor:
        return ops.upfirdn2d(x, f, up=up, down=down, padding=padding, flip_filter=True, gain=2)

    assert gradcheck(resample, (x,))
    assert gradgradcheck(resample, (x,))


def test_filters() -> None:
    blur = ops.setup_filter([1, 3, 3, 1])
    assert blur.shape == (4, 4)
    assert blur.sum() == 1
    long = ops.setup_filter(range(8), flip_filter=True, normalize=False, gain=4)
    assert long.tolist() == [2.0 * n for n in range(7, -1, -1)]
    assert ops.setup_filter(None).tolist() == [[1.0]]
    assert ops.setup_filter([1, 2], separable=True).shape == (2,)
    given = torch.ones(2, 2)
    ops.setup_filter(given)
    assert given.sum() == 4


@pytest.mark.parametrize("taps", [3, 4, 12])
def test_resampling_keeps_brightness_and_size(taps: int) -> None:
    x, f = torch.ones(1, 2, 24, 24), ops.setup_filter(torch.rand(taps))
    for found, size in ((ops.filter2d(x, f), 24), (ops.downsample2d(x, f), 12), (ops.downsample2d(x, f, down=3), 8)):
        assert found.shape[2:] == (size, size)
        torch.testing.assert_close(found[..., size // 2, size // 2], torch.ones(1, 2))
    ramp = ops.upsample2d(x, f, padding=(1, 2))
    assert ramp.shape[2:] == (52, 50)
    torch.testing.assert_close(ramp[..., 20:28, 20:28].mean((2, 3)), torch.ones(1, 2))


X = torch.zeros(1, 3, 4, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.bias_act(X, act="gelu"), "no activation 'gelu'"),
        (lambda: ops.bias_act(X, torch.zeros(4)), r"shape \(4,\); expected \(3,\)"),
        (lambda: ops.bias_act(X, torch.zeros(3), dim=4), "expected 0 to 3"),
        (lambda: ops.bias_act(X, torch.zeros(3).double()), "expected torch.float32 on cpu"),
        (lambda: ops.bias_act(X, clamp=-1), "clamp is -1"),
        (lambda: ops.bias_act(X.int()), "not torch.int32"),
        (lambda: ops.upfirdn2d(X[0], None), r"expected shape \(B, C, H, W\)"),
        (lambda: ops.upfirdn2d(X, torch.zeros(2, 2, 2)), r"expected float32 of shape \(taps,\) or \(fh, fw\)"),
        (lambda: ops.upfirdn2d(X, torch.zeros(2, 2).double()), "expected float32"),
        (lambda: ops.upfirdn2d(X, torch.zeros(2, 2, requires_grad=True)), "requires a gradient"),
        (lambda: ops.upfirdn2d(X, torch.zeros(5, 2)), "4 x 4 .* expected at least the filter's 2 x 5"),
        (lambda: ops.upfirdn2d(X, None, up=0), "up is 0"),
        (lambda: ops.upfirdn2d(X, None, down=(1, 2, 3)), "down is"),
        (lambda: ops.upfirdn2d(X, None, padding=(1, 2, 3)), "padding is"),
        (lambda: ops.upfirdn2d(X, None, padding=0.5), "expected integers"),
        (lambda: ops.setup_filter([]), r"shape \(0,\)"),
        (lambda: ops.setup_filter([[1.0]], separable=True), "separable=True"),
    ],
)
def test_wrong_arguments_are_told(call: Any, message: str) -> None:
    with pytest.raises(OpsArgumentError, match=message):
        call()
    assert issubclass(OpsArgumentError, ValueError)
