"""What Z+ adds to an optimizer's step: how many operations are launched, and that a CUDA graph could hold them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim import optimizer as optimizers

from support.graph_safety import Counting, Safe, UnsafeError
from support.toys import Genforce, NVlabs, Rosinality
from zplus_plugins import LeafSwap, SphericalLatent, attach, mapping_of
from zplus_plugins.hypersphere.geometry import retract, retract_
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.run.swapper import LeafSwapper

FAMILIES = {"genforce": Genforce, "nvlabs": NVlabs, "rosinality": Rosinality}
RETRACTION = 4  # norm, its reciprocal, times the radius, times z
BOOKKEEPING = 3  # norm, its largest and smallest so far
PUSH = 1  # the copy into the leaf


def latent() -> SphericalLatent:
    return SphericalLatent.random(1, 6, 16, generator=torch.Generator().manual_seed(0))


def launched(call: Callable[[], object]) -> int:
    with Counting() as counting:
        call()
    return sum(counting.launches.values())


def adam(*parameters: Tensor) -> Optimizer:
    return torch.optim.Adam(parameters, lr=0.1, foreach=True)


def swapped(family: Callable[[], nn.Module]) -> LeafSwap:
    leaf = torch.zeros(1, 6, 16, requires_grad=True)
    return LeafSwap(leaf, latent(), mapping_of(family().eval().requires_grad_(False)))


def backward(swap: LeafSwap) -> None:
    swap.clear_gradient()
    (swap.leaf - 1).square().sum().backward()


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_swapped_step_is_the_optimizer_s_and_the_mapping_s_and_little_more(family: Callable[[], nn.Module]) -> None:
    plain = torch.zeros(1, 6, 16, requires_grad=True)
    plain.grad = torch.ones_like(plain)
    alone, swap = adam(plain), swapped(family)
    optimizer = adam(swap.latent)
    swap.attach(optimizer)
    for _ in range(2):  # the first step makes the optimizer's state
        backward(swap)
        step, of_adam = launched(optimizer.step), launched(alone.step)
    w, ones = swap.mapping(swap.latent), torch.ones(1, 6, 16)
    forward = launched(lambda: swap.mapping(swap.latent))
    back = launched(lambda: torch.autograd.grad(w, swap.latent, ones))
    assert step == of_adam + forward + back + RETRACTION + BOOKKEEPING + PUSH


def test_a_retraction_alone() -> None:
    z = latent()
    assert launched(z.retract_) == RETRACTION
    optimizer = adam(z)
    z.grad = torch.ones_like(z)
    optimizer.step()
    before = launched(optimizer.step)
    attach(optimizer, z)
    assert launched(optimizer.step) == before + RETRACTION


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_in_place_it_is_the_same_bit_for_bit(dtype: torch.dtype) -> None:
    z = torch.randn(3, 7, 512, generator=torch.Generator().manual_seed(1)).to(dtype)
    for radius in (None, 3.0):
        expected, there = retract(z, radius), z.clone()
        assert retract_(there, radius) is there
        assert torch.equal(there, expected)


def test_the_largest_error_is_that_of_all_steps() -> None:
    """Bit for bit the largest of the errors one by one, which cost more launches."""
    swap = swapped(NVlabs)
    errors = [swap.latent.sphere_error()]
    assert torch.equal(swap.progress.largest_error, errors[0])
    for factor in (1.2, 0.7, 1.0):
        with torch.no_grad():
            swap.latent.retract_().mul_(factor)
        swap.progress.see(swap.latent)
        errors.append(swap.latent.sphere_error())
        assert torch.equal(swap.progress.largest_error, torch.stack(errors).amax())
    with torch.no_grad():
        swap.latent[0, 0, 0] = torch.nan
    swap.progress.see(swap.latent)
    assert swap.progress.largest_error.isnan()


def test_an_upstream_s_optimizer_stays_multi_tensor(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with noise maps beside the style code: as many launches for 21 parameters as for one."""
    monkeypatch.setattr(optimizers, "_get_foreach_kernels_supported_devices", lambda: ["cpu"])
    mapping = mapping_of(NVlabs().eval().requires_grad_(False))
    swapper = LeafSwapper(lambda leaf: leaf.shape == (1, 6, 16), lambda leaf: (latent(), mapping))

    def launches(maps: int) -> int:
        leaf = torch.zeros(1, 6, 16, requires_grad=True)
        others = [torch.zeros(2, 2, requires_grad=True) for _ in range(maps)]
        optimizer = torch.optim.Adam([leaf, *others], lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            torch.stack([leaf.square().sum(), *(other.sum() for other in others)]).sum().backward()
            found = launched(optimizer.step)
        return found

    types = list(optimizers._foreach_supported_types)
    with Journal() as journal:
        swapper.install(journal)
        assert launches(20) == launches(0)
    assert types == optimizers._foreach_supported_types
    assert len(swapper.progress) == 2 and all(one.retractions == 2 for one in swapper.progress)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_swapped_step_waits_for_nothing_and_moves_no_tensor(family: Callable[[], nn.Module]) -> None:
    swap = swapped(family)
    optimizer = torch.optim.Adam([swap.latent], lr=torch.tensor(0.1), fused=True, capturable=True)
    swap.attach(optimizer)

    def places() -> list[int]:
        state = optimizer.state[swap.latent].values()
        progress = (swap.progress._longest, swap.progress._shortest)
        return [tensor.data_ptr() for tensor in (swap.leaf, swap.latent, *state, *progress)]

    backward(swap)
    optimizer.step()
    before = places()
    for _ in range(3):
        with Safe():
            backward(swap)
            optimizer.step()
    assert places() == before
    assert torch.equal(swap.leaf, swap.mapping(swap.latent))


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda x: x.sum().item(), "waits for the device"),
        (lambda x: bool((x > 0).all()), "waits for the device"),
        (lambda x: torch.nonzero(x), "depends on values"),
        (lambda x: x[x > 0], "depends on values"),
        (lambda x: torch.randn_like(x), "draws random numbers"),
        (lambda x: x + torch.tensor(2.0), "copies from the host"),
    ],
)
def test_what_a_graph_cannot_hold_is_seen(call: Callable[[Tensor], object], why: str) -> None:
    with Safe(), pytest.raises(UnsafeError, match=why):
        call(torch.ones(3))
