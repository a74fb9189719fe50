"""The operations under ``torch.compile``: taken whole, for every size by one graph, with the numbers of eager mode."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from support.op_implementations import needs_gxx, serving
from zplus_plugins import ops

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch's own

SIZES = ((2, 3, 8, 9), (3, 4, 10, 7), (2, 5, 13, 11))  # at larger ones inductor itself chooses other sums


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is found that an earlier run compiled, and no compiler is asked whether it knows this processor."""
    from torch._inductor import config

    settings: dict[str, Any] = {"cpp.vec_isa_ok": True, "aot_inductor.debug_compile": True, "cpp.simdlen": 1}
    with pytest.MonkeyPatch.context() as patch, config.patch(settings):
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("inductor")))
        yield


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    torch.manual_seed(0)
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def layers(x: Tensor, other: Tensor, b: Tensor, f: Tensor) -> tuple[Tensor, Tensor]:
    """Both operations in both orders of memory, a short filter and a separable one, with what a compiler may fuse."""
    upsampled = ops.upsample2d(ops.bias_act(2 * x, b, act="lrelu", clamp=2.0), f)
    return upsampled, ops.filter2d(ops.bias_act(other, b, act="tanh"), f[0]) + 1


@needs_gxx
def test_one_graph_serves_all_sizes_and_implementations() -> None:
    f = ops.setup_filter([1, 3, 3, 1])
    compiled = torch.compile(layers, fullgraph=True, dynamic=True)  # by inductor, which takes what AOTAutograd made
    with torch._dynamo.config.patch(error_on_recompile=True):
        for name, size in itertools.product(("reference", "cpu"), SIZES):
            x = torch.randn(size).requires_grad_()
            other = torch.randn(size).to(memory_format=torch.channels_last).requires_grad_()
            b = torch.randn(size[1], requires_grad=True)
            with serving(name):
                (found, gradients), (expected, wanted) = (
                    with_gradients(call, x, other, b, f) for call in (compiled, layers)
                )
            assert [y.stride() for y in found] == [y.stride() for y in expected]
            torch.testing.assert_close(found, expected)
            torch.testing.assert_close(gradients, wanted)


def with_gradients(call: Callable[..., tuple[Tensor, ...]], *inputs: Tensor) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    results = call(*inputs)
    total = torch.stack([y.square().sum() for y in results]).sum()
    return [y.detach() for y in results], torch.autograd.grad(total, inputs[:-1])


@needs_gxx
def test_inductor_takes_other_types_at_a_fixed_size() -> None:
    x, b, f = torch.randn(2, 3, 6, 5), torch.randn(3), ops.setup_filter([1, 3, 3, 1])

    def of_other_types() -> list[tuple[Tensor, Tensor]]:
        types = (torch.float16, torch.bfloat16, torch.float64)
        return [layers(x.to(dtype), x.to(dtype), b.to(dtype), f) for dtype in types]

    with serving("cpu"):
        torch.testing.assert_close(torch.compile(of_other_types, fullgraph=True, dynamic=False)(), of_other_types())
