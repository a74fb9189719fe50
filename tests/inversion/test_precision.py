"""Inversions in bfloat16: what is found is evaluated in float32, and both losses are said."""

from __future__ import annotations

import json
import logging
from math import nan
from pathlib import Path

import pytest
import torch
from torch import Tensor

from support.commands import INVERT, zplus
from support.comparisons import tiny_instruments, tiny_model, tiny_pictures, tiny_plan
from zplus_plugins.compare.work.part import FIGURE, made
from zplus_plugins.errors import UsageError
from zplus_plugins.inversion import SPACES, Settings, invert
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.inversion.step.precision import BOUND, Gate
from zplus_plugins.metrics import Lpips
from zplus_plugins.portraits.networks import embedded


class Distance:
    """A distance that says in which precision it was asked for."""

    def __init__(self, asked: list[torch.dtype | None], dtype: torch.dtype | None = None) -> None:
        self.asked, self.dtype = asked, dtype

    def __call__(self, pictures: Tensor, targets: Tensor) -> Tensor:
        assert pictures.dtype == targets.dtype == torch.float32
        self.asked.append(self.dtype)
        return (pictures - targets).abs().mean(dim=(1, 2, 3))

    def in_precision(self, dtype: torch.dtype) -> Distance:
        return Distance(self.asked, dtype)


def test_float32_is_not_stated_so_that_former_results_match() -> None:
    assert "precision" not in Settings().stated()
    assert Settings(precision="bf16").stated() == Settings().stated() | {"precision": "bf16"}


@pytest.mark.parametrize("space", ["f/zplus", "wplus", "f/s"])
def test_bfloat16_finds_as_good_codes(space: str) -> None:
    model, targets = tiny_model(), tiny_pictures(2)
    exact = invert(model, SPACES[space], targets, Settings(steps=20))
    found = invert(model, SPACES[space], targets, Settings(steps=20, precision="bf16"))
    assert found.point.code.dtype == torch.float32 and not torch.equal(found.point.code, exact.point.code)
    assert exact.reduced_losses is None and found.reduced_losses is not None
    torch.testing.assert_close(found.losses, exact.losses, rtol=0.02, atol=0)
    assert ((found.reduced_losses - found.losses).abs() < BOUND * found.losses).all()
    assert not torch.equal(found.reduced_losses, found.losses)
    pictures = model.pictures(found.point)
    if not SPACES[space].with_f:
        assert torch.equal(found.losses, (pictures - targets).square().mean(dim=(1, 2, 3)))


def test_the_distance_is_reduced_in_the_steps_and_not_at_the_end() -> None:
    asked: list[torch.dtype | None] = []
    model, targets = tiny_model(), tiny_pictures(1)
    low = Settings(steps=2, precision="bf16")
    invert(model, SPACES["wplus"], targets, low, likeness=Distance(asked))
    assert sorted(map(str, asked)) == ["None", *3 * ["torch.bfloat16"]]
    asked.clear()
    invert(model, SPACES["wplus"], targets, Settings(steps=2), likeness=Distance(asked))
    assert asked == [None, None]
    invert(model, SPACES["wplus"], targets, low, likeness=lambda a, b: Distance(asked)(a, b))  # has no other precision


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(UsageError, match="The precision is 'fp8'; expected one of float32, bf16"):
        invert(tiny_model(), SPACES["w"], tiny_pictures(1), Settings(precision="fp8"))  # type: ignore[arg-type]


def test_losses_that_differ_by_more_than_rounding_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "zplus_plugins")
    gate = Gate()
    gate.add(["anna", "bert"], [0.1, 0.2], [0.1004, 0.199])
    gate.add(["carl", "dora"], [0.3, nan], [0.3 * (1 + 2 * BOUND), 0.1])
    gate.close()
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "WARNING"]
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["bf16", "carl", "dora"]
    caplog.clear()
    Gate().close()
    assert not caplog.records


def test_a_record_has_both_losses_and_other_results_are_refused(material: Path) -> None:
    command = (*INVERT, "--out", "low")
    result = zplus(*command, "--precision", "bf16", "--json")
    document = json.loads(result.stdout)
    assert document["settings"]["precision"] == "bf16"
    assert "bf16: the mean loss of what was found is " in result.stderr
    for image in document["results"]:
        about = PointRecord.load(image["record"]).about
        assert about["settings"]["precision"] == "bf16"
        assert image["loss"] == about["loss"] and image["loss_bf16"] == about["loss_bf16"] != about["loss"]
    refused = zplus(*command)
    assert refused.exit_code == 2 and "setting precision was bf16, is absent" in refused.stderr
    (exact,) = {name for name in PointRecord.load("inverted/anna.zplus.npz").about if name.startswith("loss")}
    assert exact == "loss"


def test_parts_in_bfloat16_have_both_losses_and_are_of_other_settings() -> None:
    plan, model, instruments = tiny_plan(n=2, spaces=("f/zplus",)), tiny_model(), tiny_instruments()
    low = tiny_plan(n=2, spaces=("f/zplus",), precision="bf16")
    exact, found = (made(one, next(one.tasks()), model, instruments, lambda what, by: None) for one in (plan, low))
    assert found.keys() - exact.keys() == {f"{FIGURE}loss", f"{FIGURE}loss_bf16"}
    assert (found[f"{FIGURE}loss"] != found[f"{FIGURE}loss_bf16"]).all()
    before, now = plan.identified(model, instruments), low.identified(model, instruments)
    assert dict(now.items() - before.items()) == {"setting precision": "bf16"} and before.items() <= now.items()


@pytest.mark.usefixtures("torch_home")
def test_no_weight_has_a_gradient() -> None:
    """Autograd would compute those of all convolutions in every step."""
    lpips = Lpips()
    lpips.require()
    networks = [tiny_model().generator, embedded.embedded_regressor(), embedded.embedded_encoder(), lpips._loaded()]
    networks.append(embedded.embedded_generator())
    weights = [weight for network in networks for weight in network.parameters()]
    assert len(weights) > 100 and not any(weight.requires_grad for weight in weights)
