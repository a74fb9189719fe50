"""The comparison's statistics, held against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from zplus_plugins.compare.statistics.edits import LEAST, SHARES, at_equal_change
from zplus_plugins.compare.statistics.figures import Mean, chosen_margin, mean_of, non_inferiority, relative_gain

STRENGTHS = (-2.0, -1.0, 0.0, 1.0, 2.0)


def test_the_interval_is_students() -> None:
    found = mean_of(np.array([1.0, 2.0, 4.0]))
    low, high = stats.t.interval(0.95, 2, loc=7 / 3, scale=stats.sem([1.0, 2.0, 4.0]))
    assert (found.mean, found.low, found.high) == pytest.approx((7 / 3, low, high))
    assert mean_of(np.array([3.0])).half is None
    assert mean_of(np.array([np.inf, 30.0])) == Mean(np.inf, None, None, 2)


def test_non_inferiority_is_shown_within_the_margin_only() -> None:
    reference = np.linspace(0.1, 0.2, 20)
    candidate = reference + np.random.default_rng(0).normal(0.001, 0.0005, 20)
    assert non_inferiority(candidate, reference, 0.01, "lower").p == pytest.approx(0, abs=1e-6)
    narrow = non_inferiority(candidate, reference, 1e-8, "lower")
    assert narrow.p is not None and narrow.p > 0.99
    assert narrow.worse == pytest.approx((candidate - reference).mean())


def test_a_margin_is_a_share_of_what_is_missing_from_a_perfect_value() -> None:
    ssim = np.array([0.86, 0.9])
    assert chosen_margin("ssim", ssim, 0.05) == pytest.approx(0.05 * 0.12)
    assert chosen_margin("mse", np.array([0.01, 0.03]), 0.05) == pytest.approx(0.05 * 0.02)
    # Worse by an eighth of what was missing, which is 1.7 % of SSIM itself.
    assert non_inferiority(ssim - 0.015, ssim, chosen_margin("ssim", ssim, 0.05), "higher").p == 1
    assert non_inferiority(ssim - 0.005, ssim, chosen_margin("ssim", ssim, 0.05), "higher").p == 0


def test_the_test_is_the_paired_one() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.8, 0.1, 30), rng.normal(0.8, 0.1, 30)
    expected = stats.ttest_rel(b, a + 0.02, alternative="less").pvalue
    assert non_inferiority(a, b, 0.02, "higher").p == pytest.approx(expected)


def test_without_spread_there_is_no_doubt() -> None:
    same = np.full(4, 0.5)
    assert non_inferiority(same, same, 1e-8, "lower").p == 0
    assert non_inferiority(same + 1, same, 1e-8, "lower").p == 1
    assert non_inferiority(same[:1], same[:1], 1e-8, "lower").p is None


def test_the_gain_is_the_ratio_of_means() -> None:
    first = np.array([0.3, 0.4, 0.5, 0.4])
    found = relative_gain(first, first / 1.14)
    assert (found.gain, found.low, found.high) == pytest.approx((0.14, 0.14, 0.14))
    assert relative_gain(first, -first).gain is None
    assert relative_gain(first, np.array([0.4, -0.3, 0.2, -0.2])).gain is None  # of a mean that may be 0


def test_the_gains_interval_is_the_bootstraps_over_pictures_that_have_both() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(0.4, 0.05, 40), rng.normal(0.35, 0.05, 40)
    expected = stats.bootstrap(
        (first, second), lambda a, b, axis: a.mean(axis=axis) / b.mean(axis=axis) - 1, paired=True, method="percentile"
    ).confidence_interval
    found = relative_gain(np.append(first, np.nan), np.append(second, 0.3))
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.005)
    assert found.n == 40


def _edits(slope: float, n: int = 3) -> dict[str, np.ndarray]:
    """A space that changes the attribute by the slope a unit, and loses 0.1 of the identity with each change of 1."""
    change = slope * np.array(STRENGTHS)
    rows = np.arange(n)[:, None, None] * 0.0
    return {"change": rows + change, "identity_input": rows + 0.9 - 0.1 * np.abs(change)}


def test_a_space_that_moves_less_does_not_win() -> None:
    edits = {"far": _edits(2.0), "near": _edits(0.5)}
    at_two = {name: own["identity_input"][:, 0, -1].mean() for name, own in edits.items()}
    assert at_two["near"] > at_two["far"]
    equal = at_equal_change(edits, STRENGTHS)
    assert equal.reach == pytest.approx(np.array([[1.0, 1.0]]))
    assert equal.limited_by == [["near", "near"]]
    for name in edits:
        assert equal.mean(name, "identity_input")[0] == pytest.approx(0.9 - 0.1 * np.array(SHARES))
        assert equal.mean(name, "change") == pytest.approx(np.zeros((3, 11)))  # the sides' changes cancel
    assert equal.changes() == pytest.approx(np.array(SHARES))
    assert equal.strengths["far"][0] == pytest.approx(np.outer([-0.5, 0.5], SHARES))
    assert equal.strengths["near"][0] == pytest.approx(np.outer([-2, 2], SHARES))


def test_what_no_space_changes_is_not_compared() -> None:
    still = {**_edits(1.0), "change": np.full((3, 1, 5), LEAST / 2)}
    equal = at_equal_change({"moves": _edits(1.0), "still": still}, STRENGTHS)
    assert np.isnan(equal.reach).all()
    assert equal.limited_by == [["still", "still"]]
    assert np.isnan(equal.mean("moves", "identity_input")).all()
    assert np.isnan(equal.strengths["moves"]).all()


def test_the_first_crossing_counts() -> None:
    """Beyond its largest change a space may turn back; what lies there makes no second answer."""
    bent = _edits(1.0)
    bent["change"][:, 0] = [-1.0, -1.0, 0.0, 1.0, 0.4]
    equal = at_equal_change({"bent": bent, "straight": _edits(1.0)}, STRENGTHS)
    assert equal.reach[0, 1] == pytest.approx(1.0)
    assert equal.values["bent"]["change"][0, 0, 1] == pytest.approx(np.array(SHARES))
