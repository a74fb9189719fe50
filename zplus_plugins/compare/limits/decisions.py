"""The comparisons that decide, as docs/limits.md states them: each a win, a loss or undecided for the first space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zplus_plugins.compare.limits.composites import GROUPS
from zplus_plugins.compare.limits.findings import Limits
from zplus_plugins.compare.limits.instruments import EYES, PIXELS
from zplus_plugins.compare.limits.statistics import resampled
from zplus_plugins.compare.statistics.figures import Mean
from zplus_plugins.inversion import SPACES

PAIRS = (("f/zplus", "f/wplus"), ("f/zplus", "f/wplus-pn"), ("zplus", "wplus"), ("zplus", "wplus-pn"))
Values = Callable[[Limits, str, str], dict[str, np.ndarray]]
Outcome = Literal["win", "loss", "undecided", "not compared"]


@dataclass(frozen=True)
class Question:
    """A comparison that decides.

    Attributes:
        name: in words.
        better: which values are better.
        least: the smallest mean difference that counts, in the units of the values.
        values: from the measurements and two spaces: the values of each space, (B,), paired by portrait, and as
            ``change``, (1,), the change at which they are compared; without it if no change is involved.
    """

    name: str
    better: Literal["higher", "lower"]
    least: float
    values: Values


@dataclass(frozen=True)
class Decision:
    """An answer.

    Attributes:
        question: what was asked.
        first, second: the spaces.
        means: of both.
        difference: first - second, with its bootstrap interval over portraits.
        change: the change at which they are compared; None where no change is involved.
        outcome: for the first space.
    """

    question: Question
    first: str
    second: str
    means: tuple[Mean, Mean]
    difference: Mean
    change: float | None
    outcome: Outcome

    @property
    def text(self) -> str:
        """The decision in a sentence."""
        titles = f"{SPACES[self.first].title} against {SPACES[self.second].title}"
        if self.outcome == "not compared":
            return f"{self.question.name}, {titles}: not compared, because one of them changes too little."
        at = "" if self.change is None else f" at a change of {self.change:.3f}"
        d = self.difference
        interval = "" if d.low is None or d.high is None else f" [{d.low:+.4f}, {d.high:+.4f}]"
        means = f"{self.means[0].mean:.4f} and {self.means[1].mean:.4f}"
        return (
            f"{self.question.name}, {titles}: {self.outcome}. {means}{at}, difference {d.mean:+.4f}{interval}, "
            f"n = {d.n}; {self.question.better} is better, and {self.question.least:g} is the least that counts."
        )


def decisions(limits: Limits) -> list[Decision]:
    """All decisions for which the spaces are there."""
    pairs = [pair for pair in PAIRS if all(space in limits.measured for space in pair)]
    return [_decided(question, limits, *pair) for pair in pairs for question in questions(limits)]


def questions(limits: Limits) -> Iterator[Question]:
    """The comparisons that decide; those by a network that was not given are left out."""
    for group in ("singles", "triples"):
        yield Question(f"Usable range, {group}", "higher", 0.01, _usable(group))
    for group in ("singles", "triples"):
        yield Question(f"Identity lost at equal change, {group}", "lower", 0.01, _lost(group))
    for group in ("singles", "triples"):
        yield Question(f"MSE to the true drawn edit at equal change, {group}", "lower", 0.0005, _untrue(group))
    for name in (PIXELS, EYES):
        if name in limits.feature_spaces:
            by = f"distance to drawn portraits by {name}"
            yield Question(f"Triples at equal change, {by}", "lower", 0.02, _realism(name))
            yield Question(f"Interpolation, {by}", "lower", 0.02, _moved("interpolation", name))
            yield Question(f"Style mixing, {by}", "lower", 0.02, _moved("mixing", name))
            yield Question(f"Random walks at equal change, {by}", "lower", 0.02, _walked(name))


def _decided(question: Question, limits: Limits, first: str, second: str) -> Decision:
    found = question.values(limits, first, second)
    change = float(found["change"].mean()) if "change" in found else None
    a, b = found[first], found[second]
    difference = resampled(a - b)
    return Decision(
        question, first, second, (resampled(a), resampled(b)), difference, change, outcome(difference, question)
    )


def outcome(difference: Mean, question: Question) -> Outcome:
    """A win or a loss if the whole interval lies on one side of 0, and the mean at least ``least`` from it."""
    if difference.n == 0:
        return "not compared"
    if difference.low is None or difference.high is None or abs(difference.mean) < question.least:
        return "undecided"
    if difference.low <= 0 <= difference.high:
        return "undecided"
    return "win" if (difference.mean > 0) == (question.better == "higher") else "loss"


def _usable(group: str) -> Values:
    return lambda limits, *pair: {space: limits.usable(space, group) for space in pair}


def _at_furthest(limits: Limits, pair: tuple[str, ...], group: str, figure: str, net: bool) -> dict[str, np.ndarray]:
    """A figure at the largest change that both spaces reach before they turn; net of the reconstruction, if asked."""
    equal, g = limits.equal(pair[0], pair[1]), GROUPS.index(group)
    found = {space: equal.mean(space, figure, g) for space in pair}
    ends = {space: values[:, -1] - (values[:, 0] if net else 0) for space, values in found.items()}
    return {**ends, "change": equal.changes(g)[-1:]}


def _lost(group: str) -> Values:
    def lost(limits: Limits, *pair: str) -> dict[str, np.ndarray]:
        found = _at_furthest(limits, pair, group, "identity", net=True)
        return {name: values if name == "change" else -values for name, values in found.items()}

    return lost


def _untrue(group: str) -> Values:
    return lambda limits, *pair: _at_furthest(limits, pair, group, "mse", net=True)


def _realism(feature_space: str) -> Values:
    return lambda limits, *pair: _at_furthest(limits, pair, "triples", f"distance {feature_space}", net=False)


def _moved(move: str, feature_space: str) -> Values:
    return lambda limits, *pair: {space: limits.moved(space, move, feature_space) for space in pair}


def _walked(feature_space: str) -> Values:
    def walked(limits: Limits, *pair: str) -> dict[str, np.ndarray]:
        equal = limits.walks(pair[0], pair[1])
        ends = {space: equal.mean(space, f"distance {feature_space}")[:, -1] for space in pair}
        return {**ends, "change": equal.changes()[-1:]}

    return walked
