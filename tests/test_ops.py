"""The custom operations against their definitions, and their derivatives against finite differences."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from zplus_plugins.ops.bias_act import bias_act
from zplus_plugins.ops.upfirdn2d import upfirdn2d


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def resampled(x: Tensor, kernel: Tensor, up: int, down: int, padding: tuple[int, int, int, int]) -> Tensor:
    """One image (H, W), sample by sample: each is a sum over the kernel's taps."""
    left, right, top, bottom = padding
    height, width = x.shape[0] * up + top + bottom, x.shape[1] * up + left + right
    rows, columns = (height - kernel.shape[0]) // down + 1, (width - kernel.shape[1]) // down + 1
    result = torch.zeros(rows, columns, dtype=x.dtype)
    for i, j, a, b in itertools.product(range(rows), range(columns), *map(range, kernel.shape)):
        y, x_ = i * down + a - top, j * down + b - left
        if y % up == x_ % up == 0 and 0 <= y < x.shape[0] * up and 0 <= x_ < x.shape[1] * up:
            result[i, j] += x[y // up, x_ // up] * kernel[-1 - a, -1 - b]
    return result


CASES = [
    (1, 1, (0, 0, 0, 0)),
    (1, 1, (2, 1, 1, 2)),
    (2, 1, (2, 1, 2, 1)),
    (1, 2, (1, 1, 2, 0)),
    (2, 3, (3, 2, 1, 2)),
    (3, 2, (-1, 2, 2, -2)),
]


@pytest.mark.parametrize(("up", "down", "padding"), CASES)
def test_upfirdn2d_is_its_definition(up: int, down: int, padding: tuple[int, int, int, int]) -> None:
    x, kernel = torch.randn(2, 3, 5, 7, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    found = upfirdn2d(x, kernel, up=(up, up), down=(down, down), padding=padding)
    expected = torch.stack([resampled(plane, kernel, up, down, padding) for plane in x.flatten(0, 1)])
    torch.testing.assert_close(found, expected.unflatten(0, (2, 3)))


def test_upfirdn2d_takes_the_axes_apart() -> None:
    x, kernel = torch.randn(1, 1, 6, 4), torch.ones(1, 1)
    found = upfirdn2d(x, kernel, up=(1, 2), down=(2, 1))
    assert found.shape == (1, 1, 12, 2)
    assert torch.equal(found[:, :, ::2], x[..., ::2])
    assert not found[:, :, 1::2].any()


@pytest.mark.parametrize(("up", "down", "padding"), CASES[2:4])
def test_upfirdn2d_is_differentiable_twice(up: int, down: int, padding: tuple[int, int, int, int]) -> None:
    x = torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)

    def resample(x: Tensor, kernel: Tensor) -> Tensor:
        return upfirdn2d(x, kernel, up=(up, up), down=(down, down), padding=padding)

    assert gradcheck(resample, (x, kernel))
    assert gradgradcheck(resample, (x, kernel))


def test_upfirdn2d_keeps_the_dtype() -> None:
    assert upfirdn2d(torch.ones(1, 1, 4, 4, dtype=torch.bfloat16), torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5, 4)])
def test_bias_act_is_its_definition(shape: tuple[int, ...]) -> None:
    x, bias = torch.randn(shape), torch.randn(3)
    summed = x + bias.reshape(1, 3, *[1] * (len(shape) - 2))
    torch.testing.assert_close(bias_act(x, bias), 2**0.5 * F.leaky_relu(summed, 0.2))
    torch.testing.assert_close(bias_act(x, negative_slope=0.1, gain=3.0), 3 * F.leaky_relu(x, 0.1))


def test_bias_act_is_its_own_derivative() -> None:
    x = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    out, cotangent = bias_act(x, bias), torch.randn(2, 3, 4, dtype=torch.float64)
    (expected,) = torch.autograd.grad(out, x, cotangent)
    torch.testing.assert_close(bias_act(cotangent, sign_of=out), expected)
    assert gradcheck(bias_act, (x, bias))
    assert gradgradcheck(bias_act, (x, bias))
