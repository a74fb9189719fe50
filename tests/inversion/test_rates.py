"""Learning rates in plain units, as upstreams have them."""

from __future__ import annotations

import pytest
import torch

from support.comparisons import tiny_model, tiny_pictures
from zplus_plugins.inversion import Settings, invert, space_named
from zplus_plugins.inversion.step.adam import _Table

PLAIN = Settings(steps=4, lr=0.01, f_lr=0.02, likeness=0, keep_f=3, rates="plain")


def test_plain_rates_are_those_of_a_loop_with_torch_s_own_adam() -> None:
    model, targets = tiny_model(), tiny_pictures(2)
    space = space_named("f/wplus")
    found = invert(model, space, targets, PLAIN).point
    start = model.start(space, 2)
    assert start.f is not None and found.f is not None
    code, f, origin = start.code.requires_grad_(), start.f.requires_grad_(), start.f.detach().clone()
    optimizer = torch.optim.Adam([{"params": [code], "lr": 0.01}, {"params": [f], "lr": 0.02}])
    for _ in range(4):
        optimizer.zero_grad()
        loss = (model.pictures(start) - targets).square().mean(dim=(1, 2, 3)).sum()
        (loss + 3 * (f - origin).square().mean(dim=(1, 2, 3)).sum()).backward()
        optimizer.step()
    torch.testing.assert_close(found.code, code.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.f, f.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("space", ["zplus", "wplus"])
def test_scaled_rates_are_not(space: str) -> None:
    model, targets = tiny_model(), tiny_pictures(1)
    scaled = Settings(**{**vars(PLAIN), "rates": "scaled"})
    plain, other = (invert(model, space_named(space), targets, s).point.code for s in (PLAIN, scaled))
    assert not torch.allclose(plain, other)


def test_plain_rates_are_constant_on_a_device_that_looks_them_up() -> None:
    table, found = _Table([0.1, 2.0], 6, torch.device("cpu"), plain=True), []
    for _ in range(6):
        found.append([float(lr) for lr in table.now])
        table.step()
    torch.testing.assert_close(torch.tensor(found), torch.tensor([[0.1, 2.0]] * 6))


def test_only_plain_rates_are_stated() -> None:
    """So that records and parts of earlier versions stay valid."""
    assert "rates" not in Settings().stated()
    assert Settings(rates="plain").stated() == Settings().stated() | {"rates": "plain"}
