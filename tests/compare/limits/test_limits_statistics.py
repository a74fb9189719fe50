"""Usable ranges, and figures of sets, of constructed curves and sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zplus_plugins.compare.limits.statistics import of_sets, resampled, usable_range
from zplus_plugins.compare.statistics.figures import mean_of
from zplus_plugins.metrics.sets import Neighbourhoods, density

CHANGE = np.array([0.0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("excess", "expected"),
    [
        ([-1, -1, -1, -1], 0.3),  # never exceeded
        ([-1, -1, 1, 1], 0.15),  # crossed half-way between two strengths
        ([-1, -1, 3, -1], 0.125),  # what comes back later does not count
        ([0, 0, 0, 1], 0.2),  # at the limit is within
        ([1, -1, -1, -1], 0.0),  # the reconstruction already exceeds it
    ],
)
def test_an_edit_is_usable_until_a_limit_is_first_exceeded(excess: list[float], expected: float) -> None:
    assert usable_range(CHANGE, [np.array(excess, float)]) == pytest.approx(expected)


def test_the_first_of_several_limits_ends_the_range() -> None:
    excesses = [np.array([-1.0, -1, -1, 1]), np.array([-1.0, 1, 1, 1])]
    assert usable_range(CHANGE, excesses) == pytest.approx(0.05)


def test_beyond_the_turning_point_the_range_stays_and_it_is_never_below_0() -> None:
    change = np.array([[0, 0.2, 0.1, 0.0], [0, -0.1, -0.2, -0.3]])
    within = np.full((2, 4), -1.0)
    assert usable_range(change, [within]).tolist() == [0.2, 0]
    assert usable_range(change[None], [within[None]]).shape == (1, 2)


def test_bootstrap_intervals_leave_out_what_is_missing() -> None:
    found = resampled(np.array([1.0, 3, np.nan]))
    assert (found.mean, found.low, found.high, found.n) == (2, 1, 3, 2)
    alone = resampled(np.array([1.0]))
    assert (alone.low, alone.n) == (None, 1)
    assert resampled(np.array([np.nan])).n == 0


def test_sets_like_the_real_one_are_told_from_shifted_ones() -> None:
    stream = torch.Generator().manual_seed(0)
    real = torch.randn(2000, 4, generator=stream)
    made = torch.randn(20, 50, 4, generator=stream).numpy()
    same, shifted = of_sets(made, real), of_sets(made + 2, real)
    assert same["density"].mean == pytest.approx(1, abs=0.1) and same["frechet"].mean < 0.05
    assert shifted["frechet"].mean == pytest.approx(4 * 2**2, rel=0.05)  # of two normal distributions 2 apart on 4 axes
    assert shifted["density"].mean < 0.3 and shifted["coverage"].mean < same["coverage"].mean - 0.2
    frechet = shifted["frechet"]
    assert frechet.low is not None and frechet.high is not None and frechet.low < 16 < frechet.high
    assert of_sets(made[:1], real)["density"].low is None


def test_jackknife_intervals_of_a_mean_are_those_of_student() -> None:
    """Density is a mean over pictures, so its intervals over ten portraits are known."""
    stream = torch.Generator().manual_seed(0)
    real, made = torch.randn(300, 2, generator=stream), torch.randn(10, 4, 2, generator=stream)
    found = of_sets(made.numpy(), real)["density"]
    near = Neighbourhoods(real)
    expected = mean_of(np.array([density(near.holding(one)) for one in made]))
    assert found.low is not None and expected.low is not None
    assert (found.mean, found.low) == pytest.approx((expected.mean, expected.low), rel=1e-5)
