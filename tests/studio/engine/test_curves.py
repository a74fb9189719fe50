"""Curves of change by strength, and their inverses, against curves that are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from zplus_plugins.studio.engine.curves import REACH, STEP, Curve

Shape = Callable[[float], float]


def measured(shape: Shape, reach: float = REACH, noise: float = 0.05) -> Curve:
    """A curve, measured outwards as far as it asks for."""
    curve = Curve(noise)
    for side in (1, -1):
        while (strength := curve.next(side, reach)) is not None:
            curve.changes[strength] = shape(strength)
    return curve


def test_a_line_is_inverted_exactly() -> None:
    curve = measured(lambda s: 0.1 * s)
    assert curve.turn == (None, None)
    for wanted in (-0.6, -0.25, 0.0, 0.03, 0.5, 0.6):
        found = curve.strength(wanted)
        assert found.strength == pytest.approx(10 * wanted)
        assert not found.at_end


def test_what_a_line_does_not_reach_is_told() -> None:
    curve = measured(lambda s: 0.1 * s)
    for wanted, end in ((0.61, REACH), (-7.0, -REACH)):
        found = curve.strength(wanted)
        assert (found.strength, found.at_end) == (end, True)


def test_only_the_rising_branch_is_inverted() -> None:
    """This one rises to 0.5 at 2.5, and falls back to 0 at 5, so that 0.2 is at 0.5635 and at 4.4365."""
    curve = measured(lambda s: 0.4 * s - 0.08 * s * s)
    assert curve.turn[1] == 2.5
    assert curve.strength(0.2).strength == pytest.approx(0.5635, abs=0.02)
    beyond = curve.strength(0.55)
    assert (beyond.strength, beyond.at_end) == (2.5, True)


def test_the_negative_side_is_its_own() -> None:
    curve = measured(lambda s: 0.2 * s if s > -1.5 else -0.3 + 0.2 * (-1.5 - s))
    assert curve.turn == (-1.5, None)
    assert curve.strength(-0.2).strength == pytest.approx(-1)
    assert curve.strength(-0.5) == curve.strength(-9)
    assert curve.strength(-0.5).strength == -1.5


def test_a_flat_curve_reaches_nothing() -> None:
    curve = measured(lambda s: 0.0)
    assert curve.turn == (None, None)
    assert (curve.strength(0.1).strength, curve.strength(0.1).at_end) == (0.0, True)


def test_a_curve_that_falls_from_the_start_turns_there() -> None:
    curve = measured(lambda s: -0.1 * s)
    assert curve.turn == (0.0, 0.0)
    assert curve.strength(0.2).strength == 0.0
    assert curve.strength(0.2).at_end


def test_noise_is_no_turn() -> None:
    curve = measured(lambda s: 0.1 * s + (0.04 if round(2 * s) % 2 else 0.0))
    assert curve.turn == (None, None)
    assert curve.strength(0.5).strength == pytest.approx(5, abs=1)
    assert not curve.strength(0.5).at_end


def test_the_first_strength_that_reaches_a_change_is_taken() -> None:
    """After a flat stretch, it lies between the points on both sides of the change."""
    curve = measured(lambda s: {1.0: 0.3, 1.5: 0.29, 2.0: 0.5}.get(s, 0.3 * s if s < 1 else 0.5))
    assert curve.strength(0.4).strength == pytest.approx(1.5 + 0.5 * 0.11 / 0.21)


def test_it_is_known_what_to_measure_next() -> None:
    curve = Curve(0.05)
    found = curve.strength(0.3)
    assert (found.strength, found.at_end, found.lacks) == (0.0, False, STEP)
    curve.changes[STEP] = 0.2
    assert curve.strength(0.3).lacks == 2 * STEP
    assert curve.strength(-0.1).lacks == -STEP
    curve.changes[2 * STEP] = 0.4
    assert curve.strength(0.3).lacks is None


def test_nothing_is_measured_behind_a_turn_or_where_nothing_can_be() -> None:
    curve = Curve(0.05)
    curve.changes |= {0.5: 0.3, 1.0: 0.1, -0.5: math.nan}
    assert curve.next(1) is None
    assert curve.next(-1) is None
    assert curve.points[0] == (-0.5, None)


def test_a_change_between_points_is_interpolated() -> None:
    curve = Curve(0.05, {0.0: 0.0, 0.5: 0.2, -0.5: -0.4})
    assert curve.change(0.25) == pytest.approx(0.1)
    assert curve.change(-0.125) == pytest.approx(-0.1)
    assert curve.change(0.5) == 0.2
    assert math.isnan(curve.change(0.75))


@pytest.mark.parametrize("wanted", [0.11, 0.4, 0.62, -0.3])
def test_refining_finds_what_a_line_misses(wanted: float) -> None:
    def shape(s: float) -> float:
        return math.tanh(s * s * s)

    curve, tries = measured(shape), []

    def measure(strength: float) -> float:
        tries.append(strength)
        return shape(strength)

    assert abs(shape(curve.strength(wanted).strength) - wanted) > 0.01
    found = curve.refined(wanted, measure)
    assert abs(shape(found.strength) - wanted) <= 0.005
    assert len(tries) <= 6
    assert curve.refined(wanted, measure) == found
