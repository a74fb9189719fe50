"""What only a GPU can show."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Optimizer

from support.toys import Genforce, NVlabs, Rosinality
from zplus_plugins import LeafSwap, SphericalLatent, Truncation, attach, mapping_of
from zplus_plugins.hypersphere.chase import chase
from zplus_plugins.ops.bias_act import bias_act
from zplus_plugins.ops.upfirdn2d import upfirdn2d

pytestmark = pytest.mark.gpu

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adam fused": lambda p: torch.optim.Adam(p, lr=0.1, fused=True),
    "adam foreach": lambda p: torch.optim.Adam(p, lr=0.1, foreach=True),
    "adam capturable": lambda p: torch.optim.Adam(p, lr=0.1, capturable=True),
    "adamw fused": lambda p: torch.optim.AdamW(p, lr=0.1, fused=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.05),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.1),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.5),
}


def latent(layers: int = 6, dim: int = 16) -> SphericalLatent:
    stream = torch.Generator().manual_seed(0)
    return SphericalLatent.random(1, layers, dim, generator=stream, device="cuda")


def swapped(generator: nn.Module, name: str) -> tuple[LeafSwap, Optimizer]:
    leaf = torch.zeros(1, 6, 16, device="cuda", requires_grad=True)
    swap = LeafSwap(leaf, latent(), mapping_of(generator.cuda().eval(), Truncation(0.7, 4)))
    optimizer = OPTIMIZERS[name]([swap.latent])
    swap.attach(optimizer)
    return swap, optimizer


def test_a_seed_gives_the_same_codes_on_every_device() -> None:
    z = latent()
    assert z.is_cuda
    here = SphericalLatent.random(1, 6, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.detach().cpu(), here.detach(), rtol=1e-6, atol=1e-6)
    assert torch.equal(copy.deepcopy(z), z)
    assert z.to("cuda") is z
    back = z.to("cpu")
    assert (type(back), back.radius) == (SphericalLatent, z.radius)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("family", [Genforce, NVlabs, Rosinality])
def test_a_step_never_waits_for_the_device(family: Callable[[], nn.Module], name: str) -> None:
    swap, optimizer = swapped(family(), name)
    for _ in range(3):  # lazily made state and libraries
        _step(swap, optimizer)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(20):
            _step(swap, optimizer)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(swap.leaf, swap.mapping(swap.latent))
    assert swap.progress.retractions == 23
    assert swap.progress.largest_error <= 1e-5


def _step(swap: LeafSwap, optimizer: Optimizer) -> None:
    optimizer.zero_grad()
    (swap.leaf - 1).square().sum().backward()
    optimizer.step()
    swap.leaf.grad = None


def test_a_retracted_step_can_be_captured_in_a_cuda_graph() -> None:
    z, target = latent(), latent().detach().roll(1, -1)
    optimizer = torch.optim.Adam([z], lr=0.1, capturable=True)
    attach(optimizer, z)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        (z - target).square().sum().backward()
        optimizer.step()

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    before = (z - target).square().sum().item()
    for _ in range(100):
        graph.replay()
    assert (z - target).square().sum().item() < 0.1 * before
    assert z.sphere_error() <= 1e-5


def test_chase() -> None:
    mapping = mapping_of(NVlabs().cuda().eval())
    start = latent()
    target = mapping(latent().detach().roll(1, 1)).detach()
    found = chase(mapping, start, target)
    assert found.distance < 0.5 * (mapping(start) - target).norm()
    assert found.latent.sphere_error() <= 1e-5


def test_operations_agree_with_the_cpu_s() -> None:
    x = torch.randn(2, 3, 8, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    kernel, bias = torch.arange(12.0).view(4, 3), torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    found = upfirdn2d(bias_act(x.cuda(), bias.cuda()), kernel.cuda(), up=(2, 2), down=(1, 3), padding=(2, 1, 0, -1))
    expected = upfirdn2d(bias_act(x, bias), kernel, up=(2, 2), down=(1, 3), padding=(2, 1, 0, -1))
    torch.testing.assert_close(found.cpu(), expected)
