"""What was measured of directions with an attribute: a table, and where it says that a direction is not good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zplus_plugins.directions.scores.calibration import is_monotonic

CHANCE = 0.01  # probability of as many right answers by guessing, above which a boundary is no better than chance
WAYS = {"w": "in W", "local": "in Z, --way local", "global": "in Z, --way global"}
_SHOWN = 2  # other scores


def side_effects(name: str, about: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Changes of the other scores in W per unit strength, in their standard deviations; the largest first."""
    found = [(other, in_spreads(other, about)) for other in about["calibration"]["w"] if other != name]
    return sorted(((other, by) for other, by in found if by is not None), key=lambda pair: -abs(pair[1]))


def in_spreads(name: str, about: Mapping[str, Any]) -> float | None:
    """The change of a score in W per unit strength, in standard deviations over random codes; None if not known."""
    calibration = about["calibration"]
    slope, spread = calibration["w"][name]["per_strength"], calibration["spread"][name]
    return None if slope is None or not spread else slope / spread


def is_chance(right: float, count: int) -> bool:
    """Whether guessing would be right for as many of ``count`` codes with a probability above :data:`CHANCE`."""
    from scipy.stats import binomtest

    return bool(binomtest(round(right * count), count, 0.5, alternative="greater").pvalue > CHANCE)


def cautions(name: str, about: Mapping[str, Any]) -> list[str]:
    """Why a direction may not be what its name says, as sentences."""
    found = [
        f"{name}: its boundary in {space} is right for {about[key]:.0%} of {about['held_out']} held-out codes, "
        "which is no better than chance."
        for space, key in (("W", "right_side_w"), ("Z", "right_side_z"))
        if is_chance(about[key], about["held_out"])
    ]
    calibration = about.get("calibration")
    if calibration is None:
        return found
    for way, title in WAYS.items():
        own = calibration[way][name]
        if own["per_strength"] is None:
            found.append(f"{name}: {title}, too few edited images could be scored to measure its effect.")
        elif not is_monotonic(own):
            found.append(f"{name}: {title}, its score does not rise with every strength.")
    own_change, others = in_spreads(name, about), side_effects(name, about)
    if own_change is not None and others and abs(others[0][1]) > abs(own_change):
        other, by = others[0]
        found.append(
            f"{name}: it changes {other} more ({by:+.2f} standard deviations per unit strength) than {name} "
            f"({own_change:+.2f})."
        )
    return found


def table(directions: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[str, ...]]:
    """Rows of a table, the first of which has the titles, of directions' names and ``about``."""
    rows = [("direction", "right in W, Z", *(f"per strength {title}" for title in WAYS.values()), "also, in W")]
    for name, about in directions:
        right = f"{about['right_side_w']:.0%}, {about['right_side_z']:.0%}"
        calibration = about.get("calibration")
        if calibration is None:
            rows.append((name, right, *("not measured",) * len(WAYS), ""))
            continue
        also = [f"{other} {by:+.2f} sd" for other, by in side_effects(name, about)[:_SHOWN]]
        changes = [_with_interval(calibration[way][name]) for way in WAYS]
        own = in_spreads(name, about)
        changes[0] += "" if own is None else f" ({own:+.2f} sd)"
        rows.append((name, right, *changes, ", ".join(also)))
    return rows


def _with_interval(of_score: Mapping[str, Any]) -> str:
    if of_score["per_strength"] is None:
        return "unknown"
    return f"{of_score['per_strength']:+.3g} ± {of_score['interval']:.2g}"
