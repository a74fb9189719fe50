"""The demo's rule, on constructed curves."""

from __future__ import annotations

import numpy as np
import pytest

from zplus_plugins.demo.choice import Curve, End, ahead, furthest_apart, most_alike


def curve(changes: list[float], identities: list[float] | None = None) -> Curve:
    """At strengths 1, 2, ...; the identity is kept unless told."""
    kept = identities or [1.0] * len(changes)
    return Curve(np.arange(len(changes) + 1.0), np.array([0.0, *changes]), np.array([1.0, *kept]))


def line(most: float, identity: float = 1.0) -> Curve:
    """A change and a loss of identity in proportion to strengths up to 4."""
    return curve([most / 4, most / 2, 0.75 * most, most], list(1 - (1 - identity) * np.arange(1, 5) / 4))


@pytest.mark.parametrize(
    ("changes", "identities", "end"),
    [
        ([0.1, 0.2, 0.3], [0.9, 0.85, 0.8], End(3, 0.3, "reach")),
        ([0.1, 0.3, 0.2], [0.9, 0.85, 0.8], End(2, 0.3, "turned")),
        ([0.1, 0.2, 0.3], [0.95, 0.85, 0.65], End(2.5, 0.25, "identity")),
        ([0.3, 0.1, 0.4], [0.95, 0.85, 0.65], End(1, 0.3, "turned")),
        ([0.1, 0.2, 0.3], [0.95, 0.75, 0.2], End(2, 0.2, "identity")),
        ([0.1, 0.2, 0.3], [0.5, 0.9, 0.9], End(0.5, 0.05, "identity")),
        ([-0.1, -0.2, -0.3], [0.9, 0.9, 0.9], End(0, 0, "turned")),
    ],
)
def test_an_edit_ends_where_the_change_the_identity_or_the_strengths_do(
    changes: list[float], identities: list[float], end: End
) -> None:
    found = curve(changes, identities).usable
    assert (found.strength, found.change) == pytest.approx((end.strength, end.change))
    assert found.why == end.why


def test_the_furthest_change_disregards_the_identity() -> None:
    assert curve([0.1, 0.3, 0.2], [0.5, 0.2, 0.1]).furthest == End(2, 0.3, "turned")
    assert curve([0.1, 0.2, 0.3], [0.5, 0.2, 0.1]).furthest == End(3, 0.3, "reach")


def test_a_change_is_taken_where_it_is_first_reached() -> None:
    bent = curve([0.2, 0.1, 0.4], [0.9, 0.8, 0.7])
    assert bent.strength_for(0.1) == pytest.approx(0.5)
    assert bent.strength_for(0.3) == pytest.approx(2 + 2 / 3)
    assert bent.identity_at(0.1) == pytest.approx(0.95)
    assert bent.strength_for(0) == 0
    assert bent.strength_for(0.5) is None and np.isnan(bent.identity_at(0.5))


def test_the_rule_favours_whichever_space_goes_further() -> None:
    first, second = [line(0.3), line(0.3), line(0.3)], [line(0.32), line(0.7), line(0.2)]
    assert furthest_apart({"w": first, "z": second}) == (1, "z")
    assert furthest_apart({"w": second, "z": first}) == (1, "w")
    assert ahead({"w": first, "z": second}) == {"w": 1, "z": 1}


def test_a_lost_identity_counts_like_a_turn() -> None:
    lost, turned = line(0.8, identity=0.5), curve([0.3, 0.4, 0.2, 0.1])
    assert furthest_apart({"w": [lost, turned], "z": [line(0.7), line(0.7)]}) == (0, "z")  # 0.4 and 0.4: the first
    assert furthest_apart({"w": [turned, lost], "z": [line(0.7), line(0.3)]}) == (0, "z")


def test_no_edit_tells_spaces_apart_that_differ_by_less_than_can_be_seen() -> None:
    same = [line(0.3), curve([0.3, 0.2, 0.1, 0.0])]
    assert furthest_apart({"w": same, "z": same}) is None
    assert furthest_apart({"w": same, "z": [line(0.34), same[1]]}) is None
    assert furthest_apart({"w": [], "z": []}) is None


def test_the_most_alike_differ_least_in_identity_at_the_change_that_both_reach() -> None:
    w = [line(0.4, 0.9), line(0.4, 0.8), line(0.6, 0.8)]
    z = [line(0.4, 0.8), line(0.4, 0.85), line(0.3, 0.9)]  # differ by .1, .05 and, at .3, .0
    assert most_alike({"w": w, "z": z}, None) == 2
    assert most_alike({"w": w, "z": z}, 2) == 1
    assert most_alike({"w": w[:2], "z": z[:2]}, 1) == 0


def test_of_equals_the_first_is_taken() -> None:
    w, z = [line(0.4)] * 3, [line(0.5)] * 3
    assert furthest_apart({"w": w, "z": z}) == (0, "z")
    assert most_alike({"w": w, "z": z}, 0) == 1


def test_small_edits_are_not_shown_as_alike() -> None:
    large, small = line(0.5, 0.8), line(0.24)
    assert most_alike({"w": [large, small], "z": [line(0.5, 0.9), small]}, None) == 0
    assert most_alike({"w": [line(0.04)], "z": [line(0.04)]}, None) is None
    assert most_alike({"w": [large], "z": [large]}, 0) is None
