"""The projection hook under any optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import Optimizer

from zplus_plugins import SphericalLatent, attach
from zplus_plugins.errors import OptimizerError

OPTIMIZERS: dict[str, Callable[[Any], Optimizer]] = {
    "adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "adam foreach": lambda p: torch.optim.Adam(p, lr=0.1, foreach=True),
    "adam fused": lambda p: torch.optim.Adam(p, lr=0.1, fused=True),
    "adam amsgrad": lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
    "adamw fused": lambda p: torch.optim.AdamW(p, lr=0.1, fused=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9, nesterov=True),
    "sgd fused": lambda p: torch.optim.SGD(p, lr=1.0, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.05, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.5),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.1),
    "radam": lambda p: torch.optim.RAdam(p, lr=0.1),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.1),
    "asgd": lambda p: torch.optim.ASGD(p, lr=0.5),
    "rprop": lambda p: torch.optim.Rprop(p, lr=0.05),
    "adadelta": lambda p: torch.optim.Adadelta(p, lr=50.0),
}


def start() -> SphericalLatent:
    return SphericalLatent.random(1, 4, 32, generator=torch.Generator().manual_seed(0))


def target() -> torch.Tensor:
    return SphericalLatent.random(1, 4, 32, generator=torch.Generator().manual_seed(1)).detach()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_step_ends_on_the_sphere_and_the_loss_falls(name: str) -> None:
    z = start()
    optimizer = OPTIMIZERS[name]([z])
    handle = attach(optimizer, z)
    losses = []
    for _ in range(150):
        loss = (z - target()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert z.sphere_error() <= 1e-5
        losses.append(loss.item())
    assert handle.count == 150
    assert min(losses) < 0.25 * losses[0]


def test_equals_the_same_steps_with_the_retraction_written_out() -> None:
    hooked, plain = start(), start().detach().clone().requires_grad_()
    first, second = torch.optim.Adam([hooked], lr=0.1), torch.optim.Adam([plain], lr=0.1)
    attach(first, hooked)
    for _ in range(50):
        for optimizer, z in ((first, hooked), (second, plain)):
            optimizer.zero_grad()
            (z - target()).square().mean().backward()
            optimizer.step()
        with torch.no_grad():
            plain.copy_(plain * (32**0.5 / plain.norm(dim=-1, keepdim=True)))
    assert torch.equal(hooked, plain)


def test_other_parameters_are_left_alone() -> None:
    z, feature = start(), torch.ones(3, requires_grad=True)
    optimizer = torch.optim.SGD([{"params": [feature]}, {"params": [z], "lr": 0.5}], lr=1.0)
    attach(optimizer, z)
    (z.sum() + feature.sum()).backward()
    optimizer.step()
    assert feature.tolist() == [0.0, 0.0, 0.0]
    assert z.sphere_error() <= 1e-5


def test_removing_stops_it() -> None:
    z = start()
    optimizer = torch.optim.SGD([z], lr=10.0)
    handle = attach(optimizer, z)
    handle.remove()
    handle.remove()
    z.sum().backward()
    optimizer.step()
    assert z.sphere_error() > 1
    assert handle.count == 0
    with attach(optimizer, z):
        optimizer.step()
        assert z.sphere_error() <= 1e-5
    optimizer.step()
    assert z.sphere_error() > 1


class NeedsClosure(Optimizer):
    def __init__(self, params: Any) -> None:
        super().__init__(params, {})

    def step(self, closure: Callable[[], float]) -> float:  # type: ignore[override]
        return closure()


@pytest.mark.parametrize("kind", [torch.optim.LBFGS, NeedsClosure])
def test_closure_optimizers_are_refused(kind: type[Optimizer]) -> None:
    z = start()
    with pytest.raises(OptimizerError, match=rf"{kind.__name__} evaluates its closure.*such as Adam"):
        attach(kind([z]), z)


def test_what_cannot_be_attached() -> None:
    z = start()
    with pytest.raises(OptimizerError, match=r"exactly once.*found none"):
        attach(torch.optim.Adam([start()]), z)
    with pytest.raises(OptimizerError, match="SphericalLatent, not a Tensor"):
        attach(torch.optim.Adam([z]), z.detach())  # type: ignore[arg-type]
    optimizer = torch.optim.Adam([z])
    optimizer.param_groups.append({**optimizer.param_groups[0]})
    with pytest.raises(OptimizerError, match="found it 2 times"):
        attach(optimizer, z)
    optimizer = torch.optim.Adam([z])
    attach(optimizer, z)
    with pytest.raises(OptimizerError, match="already retracts the latent"):
        attach(optimizer, z)
