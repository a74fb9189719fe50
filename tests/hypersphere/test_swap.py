"""The leaf swap: upstream's w stays an ordinary leaf while the optimizer moves z."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import Optimizer

from support.toys import Genforce, NVlabs
from zplus_plugins import LeafSwap, SphericalLatent, mapping_of
from zplus_plugins.errors import OptimizerError, SwapError
from zplus_plugins.hypersphere.geometry import retract
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.run.swapper import LeafSwapper

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.05),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.02),
}


class Bench:
    """A toy generator and a swapper that replaces its style codes."""

    def __init__(self, dtype: torch.dtype = torch.float64, retract: bool = True) -> None:
        self.generator = NVlabs().to(dtype).eval()
        self.map = mapping_of(self.generator)
        self.dtype = dtype
        self.swaps: list[LeafSwap] = []
        self.swapper = LeafSwapper(
            lambda leaf: tuple(leaf.shape[1:]) == (6, 16),
            lambda leaf: (self.start(leaf.shape[0]), self.map),
            retract=retract,
            on_swap=self.swaps.append,
        )

    def start(self, count: int = 1) -> SphericalLatent:
        stream = torch.Generator().manual_seed(7)
        return SphericalLatent.random(count, 6, 16, generator=stream, dtype=self.dtype)

    def leaf(self) -> Tensor:
        return torch.zeros(1, 6, 16, dtype=self.dtype, requires_grad=True)

    def target(self) -> Tensor:
        return torch.linspace(-1, 1, 6 * 16, dtype=self.dtype).view(1, 6, 16)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    with Journal() as journal:
        bench.swapper.install(journal)
        yield bench


@pytest.mark.parametrize(
    ("name", "retracted", "set_to_none"),
    [
        ("adam", True, True),
        ("adam", False, False),
        ("adamw", True, False),
        ("sgd", False, True),
        ("rmsprop", True, True),
    ],
)
def test_equals_direct_optimisation_of_z(name: str, retracted: bool, set_to_none: bool) -> None:
    bench = Bench(retract=retracted)
    feature, target = torch.zeros(5, dtype=torch.float64, requires_grad=True), bench.target()
    w = bench.leaf()
    with Journal() as journal:
        bench.swapper.install(journal)
        optimizer = OPTIMIZERS[name]([w, feature])
        swapped = run(optimizer, 60, set_to_none, lambda: w, feature, target)

    z = bench.start().detach().requires_grad_()
    feature = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimizer = OPTIMIZERS[name]([z, feature])
    direct = run(
        optimizer,
        60,
        set_to_none,
        lambda: bench.map(z),
        feature,
        target,
        after=(lambda: z.data.copy_(retract(z.data))) if retracted else None,
    )
    assert swapped == direct
    assert torch.equal(bench.swaps[0].latent, z)
    assert bench.swaps[0].progress.steps == 60
    assert bench.swaps[0].progress.retractions == (60 if retracted else 0)


def run(
    optimizer: Optimizer,
    steps: int,
    set_to_none: bool,
    code: Callable[[], Tensor],
    feature: Tensor,
    target: Tensor,
    after: Callable[[], object] | None = None,
) -> list[float]:
    losses = []
    for _ in range(steps):
        w = code()
        loss = (w - target).square().sum() + 0.1 * w.abs().sum() + (feature - 1).square().sum()
        optimizer.zero_grad(set_to_none=set_to_none)
        loss.backward()
        optimizer.step()
        if after is not None:
            after()
        losses.append(loss.item())
    return losses


def test_w_is_the_map_of_z_after_every_step(bench: Bench) -> None:
    w = bench.leaf()
    optimizer = torch.optim.Adam([w], lr=0.1)
    (swap,) = bench.swaps
    assert torch.equal(w, bench.map(swap.latent))
    for _ in range(30):
        optimizer.zero_grad()
        (w - bench.target()).square().sum().backward()
        optimizer.step()
        assert torch.equal(w, bench.map(swap.latent))
        assert w.is_leaf
        assert w.requires_grad
        with torch.no_grad():
            assert w.clone().sum().isfinite()
    assert swap.progress.largest_error <= 1e-12


def test_one_forward_a_step_and_the_network_untouched(bench: Bench) -> None:
    network = bench.generator.mapping
    before = {name: value.clone() for name, value in network.state_dict().items()}
    w = bench.leaf()
    optimizer = torch.optim.Adam([w], lr=0.1)
    network.net.calls = 0
    for _ in range(10):
        optimizer.zero_grad()
        w.square().sum().backward()
        optimizer.step()
    assert network.net.calls == 10
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_no_step_waits_for_the_device(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    w = bench.leaf()
    optimizer = torch.optim.Adam([w], lr=0.1, foreach=True, capturable=False)
    w.square().sum().backward()
    step = type(optimizer).step

    def refuse(*args: object) -> None:
        raise AssertionError("a step read a value back")

    for name in ("item", "tolist", "__bool__", "__float__", "cpu", "numpy"):
        monkeypatch.setattr(torch.Tensor, name, refuse)
    (swap,) = bench.swaps
    swap.pull()
    swap.latent.retract_()
    swap._after(optimizer, (), {})
    assert step is type(optimizer).step


def test_gradient_accumulates_over_backward_calls(bench: Bench) -> None:
    w = bench.leaf()
    optimizer = torch.optim.SGD([w], lr=0.1)
    (swap,) = bench.swaps
    w.square().sum().backward()
    (3 * w).sum().backward()
    z = swap.latent.detach().clone().requires_grad_()
    mapped = bench.map(z)
    (mapped.square().sum() + (3 * mapped).sum()).backward()
    optimizer.step()
    torch.testing.assert_close(swap.latent.grad, z.grad, rtol=1e-12, atol=1e-12)
    assert w.grad is not None
    optimizer.zero_grad()
    assert w.grad is None
    assert swap.latent.grad is None


def test_zeroing_in_place_clears_both(bench: Bench) -> None:
    w = bench.leaf()
    optimizer = torch.optim.Adam([w])
    w.sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is not None
    assert not w.grad.any()
    assert not bench.swaps[0].latent.grad.any()  # type: ignore[union-attr]


def test_a_step_without_gradient_moves_nothing(bench: Bench) -> None:
    w = bench.leaf()
    optimizer = torch.optim.Adam([w])
    before = w.detach().clone()
    optimizer.step()
    torch.testing.assert_close(w.detach(), before, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("by_name", [True, False])
def test_optional_closure(bench: Bench, by_name: bool) -> None:
    w = bench.leaf()
    optimizer = torch.optim.Adam([w], lr=0.1)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (w - bench.target()).square().sum()
        loss.backward()
        return loss

    first = optimizer.step(closure).item()  # type: ignore[arg-type]
    for _ in range(60):
        last = optimizer.step(closure=closure) if by_name else optimizer.step(closure)  # type: ignore[arg-type]
    assert last.item() < 0.9 * first  # type: ignore[arg-type]


def test_several_images_each_have_their_own_latent_and_are_freed(bench: Bench) -> None:
    freed = []
    for _ in range(3):
        w = bench.leaf()
        optimizer = torch.optim.Adam([w], lr=0.1)
        for _ in range(4):
            optimizer.zero_grad()
            w.square().sum().backward()
            optimizer.step()
        freed.append(weakref.ref(bench.swaps.pop()))
    del w, optimizer
    gc.collect()
    assert [p.steps for p in bench.swapper.progress] == [4, 4, 4]
    assert all(reference() is None for reference in freed)


def test_named_parameters_groups_generators_and_batches(bench: Bench) -> None:
    w, feature = torch.zeros(2, 6, 16, dtype=torch.float64, requires_grad=True), torch.ones(3, requires_grad=True)
    groups = [{"params": (p for p in [feature])}, {"params": w, "lr": 0.5}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    assert optimizer.param_groups[0]["params"] == [feature]
    (latent,) = optimizer.param_groups[1]["params"]
    assert isinstance(latent, SphericalLatent)
    assert latent.shape == (2, 6, 16)
    assert optimizer.param_groups[1]["lr"] == 0.5


def test_a_second_optimizer_for_the_same_leaf_goes_on_from_the_same_z(bench: Bench) -> None:
    w = bench.leaf()
    first = torch.optim.Adam([w], lr=0.1)
    w.sum().backward()
    first.step()
    reached = bench.swaps[0].latent.detach().clone()
    second = torch.optim.SGD([w], lr=0.1)
    assert len(bench.swaps) == 1
    assert torch.equal(bench.swaps[0].latent, reached)
    second.step()
    assert bench.swaps[0].progress.steps == 2
    assert bench.swaps[0].progress.retractions == 2


def test_single_code_drives_all_layers() -> None:
    generator = Genforce().eval()
    leaf = torch.zeros(1, 6, 16, requires_grad=True)
    latent = SphericalLatent.random(1, 1, 16, generator=torch.Generator().manual_seed(0))
    swap = LeafSwap(leaf, latent, mapping_of(generator))
    optimizer = torch.optim.Adam([latent], lr=0.1)
    swap.attach(optimizer)
    (leaf * torch.arange(6.0)[:, None]).sum().backward()
    optimizer.step()
    assert torch.equal(leaf[0, 0], leaf[0, 5])
    assert latent.sphere_error() <= 1e-5


def test_refusals(bench: Bench) -> None:
    with pytest.raises(OptimizerError, match="LBFGS"):
        torch.optim.LBFGS([bench.leaf()])
    w = bench.leaf()
    with pytest.raises(ValueError, match="more than one parameter group"):
        torch.optim.Adam([{"params": [w]}, {"params": [w]}])
    w = bench.leaf()
    optimizer = torch.optim.Adam([w])
    w.sum().backward()
    with torch.no_grad():
        w.clamp_(-0.1, 0.1)
    with pytest.raises(SwapError, match="changed its W\\+ code in place"):
        optimizer.step()
    with pytest.raises(SwapError, match=r"shape \(1, 6, 16\).*leaf is \(1, 5, 16\)"):
        LeafSwap(torch.zeros(1, 5, 16, dtype=torch.float64, requires_grad=True), bench.start(), bench.map)


def test_an_optimizer_that_steps_before_any_swap_is_stopped(bench: Bench) -> None:
    other = torch.ones(1, 1, 16, requires_grad=True)
    optimizer = torch.optim.Adam([other])
    other.sum().backward()
    with pytest.raises(SwapError, match=r"\(1, 1, 16\)"):
        optimizer.step()
    assert other.tolist() == torch.ones(1, 1, 16).tolist()


def test_after_the_journal_nothing_is_left() -> None:
    before = {name: vars(Optimizer)[name] for name in ("add_param_group", "zero_grad")}
    bench = Bench()
    with Journal() as journal:
        bench.swapper.install(journal)
        assert vars(Optimizer)["zero_grad"] is not before["zero_grad"]
    assert {name: vars(Optimizer)[name] for name in before} == before
    w = bench.leaf()
    optimizer = torch.optim.Adam([w])
    assert optimizer.param_groups[0]["params"][0] is w
    w.sum().backward()
    optimizer.step()
