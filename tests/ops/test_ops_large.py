"""Tensors of more than 2^31 elements on the CPU: their far ends are computed, and in the right place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from support.op_implementations import serving
from zplus_plugins import ops
from zplus_plugins.ops import choice
from zplus_plugins.ops.choice import Kernels
from zplus_plugins.ops.definition.activations import ACTIVATIONS

GIB = 2**30


@pytest.fixture(autouse=True, scope="module")
def kernels() -> Iterator[Kernels | None]:
    memory = Path("/proc/meminfo")
    free = memory.read_text().partition("MemAvailable:")[2].split()[0] if memory.exists() else "0"
    if int(free) * 1024 < 10 * GIB:
        pytest.skip("less than 10 GiB of free memory, or nobody knows")
    with serving("cpu"):
        yield choice.kernels_for(torch.device("cpu"))


def hollow(*shape: int) -> Tensor:
    """A tensor whose memory is not touched, all but the end: reading takes none where nothing was written."""
    x = torch.empty(shape, dtype=torch.float16)
    assert x.numel() > 2**31
    x.view(-1)[-(2**16) :] = torch.randn(2**16, generator=torch.Generator().manual_seed(0))
    return x


def test_bias_act(kernels: Kernels) -> None:
    x, b = hollow(2**20 + 3, 32, 64), torch.randn(32).half()
    found = ops.bias_act(x, b, act="lrelu", clamp=1.0)
    assert torch.equal(found[-32:], ops.bias_act(x[-32:].clone(), b, act="lrelu", clamp=1.0))
    del found
    numbers = {"grad": 1, "dim": 1, "act": ACTIVATIONS["lrelu"].index, "alpha": 0.2, "gain": 2.0, "clamp": 1.0}
    slope = kernels.bias_act(x, b, x, None, None, **numbers)[-32:].clone()
    end = x[-32:].clone()
    assert torch.equal(slope, kernels.bias_act(end, b, end, None, None, **numbers))
    assert slope.count_nonzero() > 1000


def test_upfirdn2d() -> None:
    """In one image, whose rows and columns outnumber 31 bits together."""
    x, f = hollow(1, 1, 2**16 + 2, 2**15), ops.setup_filter([1, 2, 1])
    found = ops.filter2d(x, f)
    assert torch.equal(found[..., -1:, :], ops.filter2d(x[..., -2:, :], f)[..., -1:, :])
    assert found[..., -1:, :].count_nonzero() > 10000
