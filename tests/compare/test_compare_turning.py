"""Where edits turn round, held against known answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from support.comparisons import tiny_plan
from zplus_plugins.compare.statistics.findings import findings
from zplus_plugins.compare.statistics.turning import turning, turning_points
from zplus_plugins.compare.statistics.verdicts import verdicts
from zplus_plugins.compare.work.plan import STRENGTHS, strengths_up_to
from zplus_plugins.compare.work.run import Measured

REACHED = np.arange(5.0)  # strengths 0 to 4
BOTH = tuple(range(-4, 5))


def tent(top: float, n: int = 4) -> np.ndarray:
    """Changes (n, 2, 9): growing by 0.1 a strength up to ``top`` and then falling as fast; and without an attribute."""
    size = np.minimum(np.abs(BOTH), 2 * top - np.abs(BOTH)) * 0.1
    change = np.full((n, 2, 9), np.nan)
    change[:, 0] = np.sign(BOTH) * size
    return change


def test_the_largest_mean_change_is_the_turning_point() -> None:
    found = turning_points({"bends": {"change": tent(3)}, "grows": {"change": tent(4)}, "none": {}}, BOTH)
    assert set(found) == {"bends", "grows"}
    bends, grows = found["bends"], found["grows"]
    assert (bends.strength.mean, bends.change.mean, bends.end.mean) == pytest.approx((3, 0.3, 0.2))
    assert bends.turned
    assert (grows.strength.mean, grows.change.mean, grows.end.mean) == pytest.approx((4, 0.4, 0.4))
    assert not grows.turned


def test_the_interval_is_that_of_resampled_pictures() -> None:
    low, high = np.array([0, 0.1, 0.2, 0.05, -0.1]), np.array([0, 0.1, 0.2, 0.3, 0.4])
    found = turning(np.stack([low] * 5 + [high] * 5), REACHED)
    # The mean of five each turns at 2; of more than six in ten of the second kind, it would not.
    assert (found.strength.mean, found.strength.low, found.strength.high) == (2, 2, 4)
    assert found.change.low is not None and found.change.high is not None
    assert found.change.mean == found.change.low == pytest.approx(0.2)
    assert 0.2 < found.change.high < 0.4
    same = turning(np.stack([high] * 3), REACHED)
    assert (same.strength.low, same.strength.high, same.change.low) == pytest.approx((4, 4, 0.4))
    assert turning(high[None], REACHED).strength.low is None


def test_without_an_attribute_nothing_turns() -> None:
    assert turning_points({"a": {"change": np.full((3, 1, 9), np.nan)}}, BOTH) == {}
    assert turning_points({"a": {"identity_input": np.ones((3, 1, 9))}}, BOTH) == {}


def _measured(top: float, reconstructed: float, cost: float) -> Measured:
    """A space that turns at ``top``, whose edits cost identity by their change."""
    change = tent(top)
    return Measured(
        {"mse": np.full(4, 0.1)},
        {"change": change, "identity_input": reconstructed - cost * np.abs(np.nan_to_num(change))},
        0.1,
        np.zeros((0, 16, 16, 3), np.uint8),
        np.zeros(0, np.uint8),
    )


def test_findings_tell_edits_from_the_reconstruction_and_say_where_they_turn() -> None:
    plan = tiny_plan(n=4)
    plan = replace(plan, edits=(plan.edits[0], plan.edits[2]), strengths=BOTH)
    spaces = {"f/zplus": _measured(4, 0.8, 0.5), "f/wplus": _measured(3, 0.9, 1.0)}
    found = findings(plan, plan.sets[0], spaces, 0.05)
    # Both reach 0.3; the changes compared are 0.03 to 0.3, 0.165 in the mean, without 0.
    assert found.gains["equal"].first == pytest.approx(0.8 - 0.5 * 0.165)
    assert found.gains["equal"].second == pytest.approx(0.9 - 0.165)
    lost = found.losses["equal"]
    assert (lost.first.mean, lost.second.mean, lost.difference.mean) == pytest.approx((0.0825, 0.165, -0.0825))
    assert found.losses["furthest"].difference.mean == pytest.approx(0.5 * 0.3 - 0.3)
    text = " ".join(verdicts(plan, found))
    assert "net of the reconstruction: 0.083 in F/Z+ and 0.165 in F/W+, 0.0825 less in F/Z+" in text
    assert "Edits in F/Z+ have not turned round by strength 4, where they change 0.400" in text
    assert "Edits in F/W+ turn round at strength 3 [3, 3], where they change 0.300" in text
    assert "; at 4 it is 0.200" in text
    assert "the paper: +" not in text  # which has strengths up to 2


def test_strengths() -> None:
    assert strengths_up_to(2) == STRENGTHS == (-2, -1.6, -1.2, -0.8, -0.4, 0, 0.4, 0.8, 1.2, 1.6, 2)
    assert len(strengths_up_to(8)) == 41
    assert strengths_up_to(0.5) == (-0.5, -0.25, 0, 0.25, 0.5)
    for most in (0.1, 0.7, 3, 6.3, 8):
        replace(tiny_plan(), strengths=strengths_up_to(most))  # symmetric, increasing
        assert strengths_up_to(most)[-1] == most
