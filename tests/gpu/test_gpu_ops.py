"""The CUDA kernels on a GPU: parity, streams, devices, graphs, and no waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from support.op_grid import bias_act_cases, close, upfirdn2d_cases
from support.op_parity import agrees_bias_act, agrees_upfirdn2d, random, slope_ends_at_the_bound, upfirdn2d_arguments
from zplus_plugins.ops import backend, bias_act, choice, setup_filter, upfirdn2d
from zplus_plugins.ops.choice import Kernels
from zplus_plugins.ops.definition.activations import ACTIVATIONS

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def by_name() -> Iterator[None]:
    """Asked for by name, so that nothing else can serve."""
    with choice.using("cuda"):
        yield


@pytest.fixture
def kernels() -> Kernels:
    found = choice.kernels_for(torch.device("cuda", torch.cuda.current_device()))
    assert found is not None
    return found


def block(x: Tensor) -> Tensor:
    """A piece of a synthesis network: upsample, then bias and activation."""
    f = setup_filter([1, 3, 3, 1], device=x.device)
    return bias_act(upfirdn2d(x, f, up=2, padding=(2, 1, 2, 1), gain=4), x[0, :, 0, 0], act="lrelu", clamp=256)


def test_the_backend_is_the_device_s() -> None:
    major, minor = torch.cuda.get_device_capability()
    assert backend() == f"cuda sm_{major}{minor}"


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_bias_act_is_the_reference(kernels: Kernels, act: str) -> None:
    agrees_bias_act(kernels, "cuda", act)
    slope_ends_at_the_bound("cuda", act)


def test_upfirdn2d_is_the_reference(kernels: Kernels) -> None:
    for arguments in upfirdn2d_arguments():
        agrees_upfirdn2d(kernels, "cuda", arguments)


@pytest.mark.parametrize(("operation", "cases"), [(bias_act, bias_act_cases), (upfirdn2d, upfirdn2d_cases)])
def test_random_calls_are_the_reference_s(operation: Callable[..., Tensor], cases: Callable[..., Any]) -> None:
    for case in cases(2000, seed=7):
        with choice.using("reference"):
            expected = operation(**case)
        found = operation(**{name: v.cuda() if isinstance(v, Tensor) else v for name, v in case.items()})
        assert found.is_cuda
        close(found.cpu(), expected, case["x"].dtype)


def test_the_current_stream_is_used() -> None:
    x = random(4, 32, 256, 256).cuda()
    expected = block(x)
    side, input = torch.cuda.Stream(), torch.zeros_like(x)
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        torch.cuda._sleep(50_000_000)
        input.copy_(x)  # what ran on another stream would see zeros
        found = block(input)
    side.synchronize()
    assert torch.equal(found, expected)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one CUDA device")
def test_a_tensor_s_own_device_is_used() -> None:
    x = random(2, 8, 32, 32)
    found = block(x.to("cuda:1"))
    assert found.device == torch.device("cuda:1")
    assert torch.equal(found.cpu(), block(x.to("cuda:0")).cpu())


def test_calls_and_gradients_never_wait_for_the_device() -> None:
    x = random(2, 8, 32, 32).cuda().requires_grad_()
    step(x)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        step(x)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def step(x: Tensor) -> Tensor:
    """First and second order gradients, whose kernels autograd calls from a thread of its own."""
    (first,) = torch.autograd.grad(block(x).square().sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    return second


def test_a_cuda_graph_replays_new_content() -> None:
    x = random(2, 8, 32, 32).cuda()
    f = setup_filter([1, 3, 3, 1], device=x.device)

    def call() -> Tensor:
        return bias_act(upfirdn2d(x, f, up=2, padding=(2, 1, 2, 1), gain=4), act="swish")

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = call()
    for seed in (1, 2):
        x.copy_(random(2, 8, 32, 32, seed=seed))
        graph.replay()
        torch.cuda.synchronize()
        assert torch.equal(captured, call())


def test_results_are_the_same_every_time() -> None:
    x = random(2, 8, 64, 64, dtype=torch.float16).cuda().requires_grad_()
    first = step(x.float())
    assert all(torch.equal(step(x.float()), first) for _ in range(5))


def test_batches_of_more_than_two_to_the_31_elements() -> None:
    if torch.cuda.mem_get_info()[0] < 20 * 2**30:
        pytest.skip("less than 20 GiB of free GPU memory")
    x = torch.ones(2**16 + 3, 32, 32, 32, dtype=torch.float16, device="cuda")
    x[-1] = 3
    b = torch.arange(32, dtype=torch.float16, device="cuda")
    found = bias_act(x, b, act="relu", gain=2)
    assert torch.equal(found[-1], (6 + 2 * b)[:, None, None].expand(32, 32, 32))
    assert torch.equal(found[:-1].amin((0, 2, 3)), 2 + 2 * b)
    del found
    assert upfirdn2d(x, torch.ones(1, 1, device="cuda"), gain=2)[-1].eq(6).all()
