"""W and Z at the same change, and what decides (see the package)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from zplus_plugins.directions.fragility.measure import STRENGTHS, Figures

STRENGTH = 4.0
LEAST_OWN, MOST_IN_W, LEAST_IN_Z = 0.5, 0.5, 0.8
DECIDING = ("pixels", "own_edges")


def at_change(figures: Sequence[Figures], change: float, feature_space: str) -> tuple[float, float]:
    """The share of realistic pictures where a move first reaches a change, and the change that it is the share at.

    It is interpolated between strengths; if the move never changes as much, it is the share at its largest change.
    """
    for before, after in pairwise(figures):
        if before.change < change <= after.change:
            way = (change - before.change) / (after.change - before.change)
            ends = before.realistic[feature_space], after.realistic[feature_space]
            return ends[0] + way * (ends[1] - ends[0]), change
    if change <= figures[0].change:
        return figures[0].realistic[feature_space], figures[0].change
    furthest = max(figures, key=lambda one: one.change)
    return furthest.realistic[feature_space], furthest.change


def compared(
    in_w: Sequence[Sequence[Figures]], in_z: Sequence[Sequence[Figures]], feature_space: str
) -> dict[str, Any]:
    """Shares of realistic pictures in W at all strengths, and in Z at the same changes; means over moves.

    Args:
        in_w, in_z: figures of the same moves, in the same order.
        feature_space: the measure of realism.
    """
    found = []
    for index, strength in enumerate(STRENGTHS):
        reached = [at_change(z, w[index].change, feature_space) for w, z in zip(in_w, in_z, strict=True)]
        found.append(
            {
                "strength": strength,
                "mahalanobis": _mean([w[index].mahalanobis for w in in_w]),
                "covered": _mean([w[index].covered for w in in_w]),
                "change": _mean([w[index].change for w in in_w]),
                "realistic": _mean([w[index].realistic[feature_space] for w in in_w]),
                "change_in_z": _mean([change for _, change in reached]),
                "realistic_in_z": _mean([share for share, _ in reached]),
            }
        )
    return {"by": feature_space, "at": found}


def verdict(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a generator behaves like a real one, from the comparison of edits that start in Z by one measure.

    Returns:
        The three shares that it is decided by, and ``behaves_like_a_real_one``: None if nothing can be said. Besides,
        ``breaks_at``, the strength at which the share in W falls below half; None if it does not.
    """
    own = comparison["at"][0]["realistic"]
    edited = next(one for one in comparison["at"] if one["strength"] == STRENGTH)
    shares = {
        "own": own,
        "in_w": edited["realistic"],
        "in_z": edited["realistic_in_z"],
        "breaks_at": breaks_at([one["realistic"] for one in comparison["at"]]),
    }
    if own < LEAST_OWN:
        return {**shares, "behaves_like_a_real_one": None}
    real = shares["in_w"] < MOST_IN_W * own and shares["in_z"] >= LEAST_IN_Z * own
    return {**shares, "behaves_like_a_real_one": real}


def breaks_at(shares: Sequence[float]) -> float | None:
    """The strength at which shares of realistic pictures, one for each strength, first fall below half of the first."""
    least = MOST_IN_W * shares[0]
    for (before, after), (above, below) in zip(pairwise(STRENGTHS), pairwise(shares), strict=True):
        if below < least:
            return round(before + (after - before) * (above - least) / (above - below), 2)
    return None


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)
