"""The findings of a comparison for one set of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zplus_plugins.compare.statistics import paper
from zplus_plugins.compare.statistics.edits import EqualChange, at_equal_change
from zplus_plugins.compare.statistics.figures import (
    LOWER_IS_BETTER,
    Gain,
    Mean,
    NonInferiority,
    chosen_margin,
    mean_of,
    non_inferiority,
    of_the_same,
    relative_gain,
)
from zplus_plugins.compare.statistics.turning import Turning, turning_points
from zplus_plugins.compare.work.plan import PictureSet, Plan
from zplus_plugins.compare.work.run import Measured

CANDIDATE, REFERENCE, RIVAL = "f/zplus", "f/wplus-pn", "f/wplus"
TESTED = ("mse", "ssim")
GROUPS = {"f": "spaces with F", "plain": "spaces without F"}


@dataclass(frozen=True)
class Test:
    """A non-inferiority test of F/Z+ against F/W+(P_N) in one metric, with the paper's margin or a chosen one."""

    figure: str
    margin: Literal["paper", "chosen"]
    result: NonInferiority


@dataclass(frozen=True)
class Loss:
    """Identity that edits cost, net of the reconstruction, over the images for which both spaces have a value.

    Attributes:
        first: the mean loss in F/Z+.
        second: that in F/W+.
        difference: the mean paired difference, first - second; negative if F/Z+ keeps more.
    """

    first: Mean
    second: Mean
    difference: Mean


@dataclass(frozen=True)
class Findings:
    """Findings for one set of images.

    Attributes:
        pictures: the set.
        measured: the measurements of each space.
        figures: metrics of each space's reconstructions, (B,), by name; NaN for images where one space has no value.
        means: their means.
        edited: identity after edits, the mean per image over directions, (B,), by space and by ``eleven`` (over all
            strengths) or ``two`` (over the two ends); NaN as above.
        equal: edits at equal change among the spaces with F, and among those without F, which edit more layers.
        tests: tests for which the spaces are available.
        gains: gains of F/Z+ over F/W+ in identity after edits: ``eleven`` and ``two`` as above, and at equal change
            ``equal``, the mean up to the largest change that both reach, and ``furthest``, at that change. No change,
            which is the reconstruction, does not count.
        losses: identity to the target that the edits at equal change cost, net of the reconstruction, under the names
            of these gains.
        turning: where each space's edits turn round.
    """

    pictures: PictureSet
    measured: dict[str, Measured]
    figures: dict[str, dict[str, np.ndarray]]
    means: dict[str, dict[str, Mean]]
    edited: dict[str, dict[str, np.ndarray]]
    equal: dict[str, EqualChange]
    tests: list[Test]
    gains: dict[str, Gain]
    losses: dict[str, Loss]
    turning: dict[str, Turning]


def findings(plan: Plan, pictures: PictureSet, measured: Mapping[str, Measured], margin: float) -> Findings:
    """Evaluate the measurements of one set of images.

    Args:
        plan: the plan of the comparison.
        pictures: the set of images.
        measured: the measurements of each space.
        margin: margin of the chosen tests, as a share of the mean error of F/W+(P_N).
    """
    edits = {name: own.edits for name, own in measured.items() if own.edits}
    edited = {
        name: {
            "eleven": own["identity_input"].mean(axis=(1, 2)),
            "two": own["identity_input"][..., [0, -1]].mean((1, 2)),
        }
        for name, own in edits.items()
        if "identity_input" in own
    }
    figures = _of_the_same({name: own.figures for name, own in measured.items()})
    gains, losses = _gains(plan, edits, edited)
    return Findings(
        pictures=pictures,
        measured=dict(measured),
        figures=figures,
        means={name: {f: mean_of(v) for f, v in own.items()} for name, own in figures.items()},
        edited=_of_the_same(edited),
        equal=_equal(plan, {name: own for name, own in edits.items() if "change" in own}),
        tests=_tests(measured, margin),
        gains=gains,
        losses=losses,
        turning=turning_points(edits, plan.strengths),
    )


def _of_the_same(spaces: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, dict[str, np.ndarray]]:
    """:func:`of_the_same` for each metric."""
    names = dict.fromkeys(name for own in spaces.values() for name in own)
    figures = {name: of_the_same({space: own[name] for space, own in spaces.items() if name in own}) for name in names}
    return {space: {name: figures[name][space] for name in own} for space, own in spaces.items()}


def _equal(plan: Plan, edits: Mapping[str, dict[str, np.ndarray]]) -> dict[str, EqualChange]:
    groups = {"f": [s.name for s in plan.spaces if s.with_f], "plain": [s.name for s in plan.spaces if not s.with_f]}
    chosen = {group: {name: edits[name] for name in names if name in edits} for group, names in groups.items()}
    return {group: at_equal_change(own, plan.strengths) for group, own in chosen.items() if own}


def _tests(measured: Mapping[str, Measured], margin: float) -> list[Test]:
    if CANDIDATE not in measured or REFERENCE not in measured:
        return []
    tests = []
    for figure in TESTED:
        own, reference = (measured[name].figures.get(figure) for name in (CANDIDATE, REFERENCE))
        if own is None or reference is None:
            continue
        better: Literal["lower", "higher"] = "lower" if figure in LOWER_IS_BETTER else "higher"
        of_choice = chosen_margin(figure, reference, margin)
        tests += [
            Test(figure, "paper", non_inferiority(own, reference, paper.MARGIN, better)),
            Test(figure, "chosen", non_inferiority(own, reference, of_choice, better)),
        ]
    return tests


def _gains(
    plan: Plan, edits: Mapping[str, dict[str, np.ndarray]], edited: Mapping[str, dict[str, np.ndarray]]
) -> tuple[dict[str, Gain], dict[str, Loss]]:
    """Gains in identity after edits, and what edits at equal change cost."""
    if CANDIDATE not in edited or RIVAL not in edited:
        return {}, {}
    gains = {name: relative_gain(edited[CANDIDATE][name], edited[RIVAL][name]) for name in ("eleven", "two")}
    both = {name: edits[name] for name in (CANDIDATE, RIVAL)}
    if not all("change" in own for own in both.values()):
        return gains, {}
    equal = at_equal_change(both, plan.strengths)
    if np.isnan(equal.reach).all():
        return gains, {}
    figure = "identity_input"
    gains["equal"] = relative_gain(equal.edited(CANDIDATE, figure), equal.edited(RIVAL, figure))
    gains["furthest"] = relative_gain(equal.mean(CANDIDATE, figure)[:, -1], equal.mean(RIVAL, figure)[:, -1])
    shares = {"equal": None, "furthest": -1}
    losses = {
        name: _loss(equal.lost(CANDIDATE, figure, share), equal.lost(RIVAL, figure, share))
        for name, share in shares.items()
    }
    return gains, losses


def _loss(first: np.ndarray, second: np.ndarray) -> Loss:
    difference = first - second
    there = ~np.isnan(difference)
    return Loss(mean_of(first[there]), mean_of(second[there]), mean_of(difference[there]))
