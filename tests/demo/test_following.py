"""Edits followed and measured: all at once as one at a time, in W+ and on the hypersphere."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from support.comparisons import tiny_instruments, tiny_model, tiny_pictures, tiny_plan
from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.work.plan import Plan
from zplus_plugins.demo.candidates import Candidate
from zplus_plugins.demo.following import Following
from zplus_plugins.demo.trial import attempt
from zplus_plugins.errors import RequirementError
from zplus_plugins.execution.processors import Share
from zplus_plugins.metrics.realism import Realism, pixels

EDITS = [Candidate({"light": 1}), Candidate({"redness": -1}), Candidate({"light": -1, "redness": 1})]


def prepared(plan: Plan) -> Prepared:
    return Prepared(plan, tiny_model(), tiny_instruments(), "", Share(1, 1))


@pytest.fixture
def plan() -> Plan:
    plan = tiny_plan(1, ("f/wplus", "f/zplus"))
    return replace(plan, edits=plan.edits[:2])


@pytest.mark.parametrize("space", [0, 1])
def test_all_at_once_are_each_as_alone(plan: Plan, space: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zplus_plugins.demo.following._AT_ONCE", 2)
    ready = prepared(plan)
    found = attempt(ready, plan.spaces[space], lambda text, by: None)
    drawn = tiny_pictures(8, seed=3)
    follow = Following(ready, found, Realism(pixels, drawn, drawn))
    calls: list[None] = []
    curves = follow.curves(EDITS, lambda: calls.append(None))
    assert len(calls) == 2
    for edit, curve in zip(EDITS, curves, strict=True):
        assert curve.strengths.tolist() == [0, 1, 2]
        assert (curve.changes[0], curve.identities[0]) == (0, 1)
        made = [follow.maker(edit)(strength) for strength in (1.0, 2.0)]
        assert curve.changes[1:] == pytest.approx([one.change for one in made], abs=1e-3)
        assert curve.identities[1:] == pytest.approx([one.net_identity for one in made], abs=1e-4)
        assert made[0].realism is None and follow.judged(made[0]).realism != follow.realism
    assert len({tuple(curve.changes) for curve in curves}) == 3


def test_the_change_is_the_mean_towards_the_sides_wanted(plan: Plan) -> None:
    ready = prepared(plan)
    found = attempt(ready, plan.spaces[0], lambda text, by: None)
    drawn = tiny_pictures(8, seed=3)
    edited = Following(ready, found, Realism(pixels, drawn, drawn)).maker(EDITS[2])(1.0)
    light, redness = 100 * (edited.picture - found.picture).mean(dim=(0, 2, 3))[:2]
    assert edited.change == pytest.approx(float(redness - light) / 2, abs=1e-4)
    moved = found.point.code + plan.edits[1].w - plan.edits[0].w
    assert torch.allclose(edited.picture, ready.model.pictures(replace(found.point, code=moved)), atol=1e-5)


def test_what_cannot_be_measured_is_refused(plan: Plan) -> None:
    ready = prepared(replace(plan, edits=tiny_plan(1).edits))
    found = attempt(ready, plan.spaces[0], lambda text, by: None)
    with pytest.raises(RequirementError, match="directions of known attributes"):
        Following(ready, found, Realism(pixels, *[tiny_pictures(8)] * 2))
