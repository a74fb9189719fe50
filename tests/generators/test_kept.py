"""Values kept of tensors: computed once, never stale, and never longer than needed."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.generators.network.kept import Kept


def counting(source: Tensor) -> tuple[Callable[[], Tensor], list[int]]:
    calls: list[int] = []

    def derive() -> Tensor:
        calls.append(1)
        return 2 * source

    return derive, calls


def test_it_is_computed_once_while_nothing_changes() -> None:
    kept: Kept[Tensor] = Kept()
    source = torch.ones(3)
    derive, calls = counting(source)
    assert kept.of(source, derive, "a") is kept.of(source, derive, "a")
    assert len(calls) == 1
    kept.of(source, derive, "b")
    assert len(calls) == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda tensor: tensor.add_(1),
        lambda tensor: tensor[1:].zero_(),  # through a view
        lambda tensor: setattr(tensor, "data", torch.zeros(3)),  # as Module.to does
        lambda tensor: tensor.set_(torch.zeros(3)),
    ],
)
def test_a_change_is_noticed(change: Callable[[Tensor], object]) -> None:
    kept: Kept[Tensor] = Kept()
    source = torch.ones(3)
    derive, calls = counting(source)
    kept.of(source, derive)
    change(source)
    assert torch.equal(kept.of(source, derive), 2 * source) and len(calls) == 2


def test_another_tensor_is_another_even_in_the_same_memory() -> None:
    kept: Kept[Tensor] = Kept()
    source = torch.ones(3)
    kept.of(source, lambda: source + 1)
    again = source.view(3)
    assert kept.of(again, lambda: again + 5).tolist() == [6, 6, 6]


def test_nothing_outlives_its_tensor() -> None:
    kept: Kept[Tensor] = Kept()
    source = torch.ones(3)
    value = weakref.ref(kept.of(source, lambda: torch.zeros(3)))
    assert value() is not None
    del source
    gc.collect()
    assert value() is None


def test_gradients_flow_where_they_are_wanted() -> None:
    kept: Kept[Tensor] = Kept()
    source = torch.ones(3, requires_grad=True)
    derive, calls = counting(source)
    for _ in range(2):
        (gradient,) = torch.autograd.grad(kept.of(source, derive).sum(), source)
        assert gradient.tolist() == [2, 2, 2]
    assert len(calls) == 2


def test_values_of_inference_mode_are_not_used_outside() -> None:
    kept: Kept[Tensor] = Kept()
    source = torch.ones(3)
    with torch.inference_mode():
        kept.of(source, lambda: source * 2)
    weight = torch.ones(3, requires_grad=True)
    (kept.of(source, lambda: source * 2) * weight).sum().backward()


def test_copies_are_empty() -> None:
    kept: Kept[Tensor] = Kept()
    source = torch.ones(3)
    kept.of(source, lambda: torch.zeros(1000))
    for other in (copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))):
        assert other._entry is None
    assert len(pickle.dumps(kept)) < 200


class TestGenerator:
    @pytest.fixture
    def generator(self) -> Generator:
        torch.manual_seed(0)
        network = Generator(Architecture(16, (8, 8, 6), z_dim=8, w_dim=8, mapping_layers=2))
        return network.eval().requires_grad_(False)

    @pytest.mark.parametrize("dtype", [None, torch.bfloat16])
    def test_changed_weights_are_used(self, generator: Generator, dtype: torch.dtype | None) -> None:
        w = torch.randn(2, generator.num_layers, 8)
        before = generator.synthesis(w, dtype=dtype)
        assert torch.equal(generator.synthesis(w, dtype=dtype), before)
        for parameter in generator.parameters():
            parameter.mul_(1.5).add_(0.1)
        fresh = Generator(generator.architecture).requires_grad_(False)
        fresh.load_state_dict(generator.state_dict())
        assert torch.equal(generator.synthesis(w, dtype=dtype), fresh.synthesis(w, dtype=dtype))
        assert not torch.equal(generator.synthesis(w, dtype=dtype), before)

    def test_what_is_kept_changes_no_bit(self, generator: Generator) -> None:
        w = torch.randn(2, generator.num_layers, 8)
        frozen = generator.synthesis(w)
        assert torch.equal(generator.requires_grad_(True).synthesis(w), frozen)

    def test_bfloat16_is_near_float32_and_its_gradient_too(self, generator: Generator) -> None:
        w = torch.randn(2, generator.num_layers, 8, requires_grad=True)
        target = torch.randn(2, 3, 16, 16)
        found = []
        for dtype in (None, torch.bfloat16):
            pictures = generator.synthesis(w, dtype=dtype)
            assert pictures.dtype == torch.float32
            found.append((pictures, *torch.autograd.grad((pictures - target).square().sum(), w)))
        (high, exact), (low, near) = found
        assert 0 < (high - low).norm() < 0.02 * high.norm()
        assert torch.nn.functional.cosine_similarity(exact.flatten(), near.flatten(), dim=0) > 0.999
