"""Tensors of more than 2^31 elements on the CPU: their far ends are computed, and in the right place.

Computing all of them takes tens of seconds, so the kernels are built here with a loop that takes the last parts of the
work only; every index is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from support.op_implementations import needs_gxx, serving
from zplus_plugins import ops
from zplus_plugins.ops import choice
from zplus_plugins.ops.choice import Kernels
from zplus_plugins.ops.compiled import build, cpu, cpu_target
from zplus_plugins.ops.definition.activations import ACTIVATIONS

pytestmark = needs_gxx
CPU = torch.device("cpu")
THREADS = 2**16  # of as many bands of rows, the last of which is a row
FAR_END = f"""
#define in_parallel everywhere
#include "{cpu_target.CSRC / "numbers.h"}"
#undef in_parallel
namespace {{
template <class Body> void in_parallel(int64_t count, int64_t, const Body& body) {{
  for (int64_t item = larger(0, count - 32); item < count; ++item) body(item);
}}
}}
"""


@pytest.fixture(scope="module")
def far_kernels(tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    """The kernels, which leave all but the end as they find it."""
    header = tmp_path_factory.mktemp("far_end") / "far_end.h"
    header.write_text(FAR_END)
    whole = cpu_target.target(torch.backends.cpu.get_cpu_capability())
    flags = (*whole.flags, "-include", str(header))
    return cpu.opened("far end", build.build(replace(whole, name="far_end", flags=flags)))


@pytest.fixture
def at_the_far_end(far_kernels: Kernels, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Tensor]]:
    """Calls an operation with them."""

    def call(operation: Callable[..., Tensor], *args: object, **options: object) -> Tensor:
        with monkeypatch.context() as patch, choice.using("cpu"):
            patch.setattr(choice, "_loaded", {CPU: far_kernels})
            patch.setattr(cpu, "_threads", lambda count: THREADS)
            return operation(*args, **options)

    with serving("cpu"):
        yield call


def hollow(*shape: int) -> Tensor:
    """A tensor whose memory is not touched, all but the end: reading takes none where nothing was written."""
    try:
        x = torch.empty(shape, dtype=torch.float16)
    except RuntimeError:
        pytest.skip("no room for 4 GiB, even of addresses")
    x.view(-1)[-(2**16) :] = torch.randn(2**16, generator=torch.Generator().manual_seed(0))
    return x


def test_bias_act(far_kernels: Kernels, at_the_far_end: Callable[..., Tensor]) -> None:
    x, b = hollow(2**20 + 3, 32, 64), torch.randn(32).half()
    assert x.numel() > 2**31
    found = at_the_far_end(ops.bias_act, x, b, act="lrelu", clamp=1.0)
    end = x[-16:].clone()
    assert torch.equal(found[-16:], ops.bias_act(end, b, act="lrelu", clamp=1.0))
    del found
    numbers = {"grad": 1, "dim": 1, "act": ACTIVATIONS["lrelu"].index, "alpha": 0.2, "gain": 2.0, "clamp": 1.0}
    slope = far_kernels.bias_act(x, b, x, None, None, **numbers)[-16:].clone()
    kernels = choice.kernels_for(CPU)
    assert kernels is not None
    assert torch.equal(slope, kernels.bias_act(end, b, end, None, None, **numbers))
    assert slope.count_nonzero() > 1000


RESAMPLE: dict[str, tuple[Callable[..., Tensor], tuple[int, int]]] = {
    "a blur": (ops.filter2d, (2**16 + 2, 2**15)),
    "fewer samples": (partial(ops.downsample2d, down=2), (2**16 + 2, 2**15)),
    "more samples": (partial(ops.upsample2d, up=2), (2**15 + 2, 2**15)),
}


@pytest.mark.parametrize("name", RESAMPLE)
def test_upfirdn2d(name: str, at_the_far_end: Callable[..., Tensor]) -> None:
    """In one image, whose rows and columns outnumber 31 bits together."""
    operation, size = RESAMPLE[name]
    x, f = hollow(1, 1, *size), ops.setup_filter([1, 2, 1])
    found = at_the_far_end(operation, x, f)
    assert max(x.numel(), found.numel()) > 2**31
    assert torch.equal(found[..., -1:, :], operation(x[..., -2:, :].clone(), f)[..., -1:, :])
    assert found[..., -1:, :].count_nonzero() > 10000
