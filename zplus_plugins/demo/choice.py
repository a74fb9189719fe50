"""The rule by which the demo chooses what it shows, set before any of its pictures was looked at.

Each edit (:mod:`.candidates`) is followed in both spaces at strengths 0, 1, ... 6. What is compared is

- its *change*: that of the attributes wanted, each as a share of its range and positive in the direction wanted,
  averaged over the edit's directions;
- its *net identity*: the similarity to the target, less that of the reconstruction, plus 1; it begins at 1.

The *usable* change of a space is the largest that it reaches before net identity falls below :data:`LEAST_IDENTITY`.
It ends there (``identity``), where the change turns round (``turned``), or at the last strength (``reach``).

1. *Furthest apart* is the edit whose usable changes differ most, whichever space it favours. It is shown at the end of
   the space that goes further; in the other at the same change, if it reaches that at all, and else where its change is
   largest.
2. *Most alike* is, among the other edits, the one whose net identities differ least at the largest change that is
   usable in both spaces. Small edits are alike anyway: that change must be at least half of the largest of them.

What is below :data:`~zplus_plugins.compare.statistics.edits.LEAST`, 5 % of a range, counts as nothing: no difference
below it makes edits differ, and no edit with a common change below it is shown as alike. Of equals, the first is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from zplus_plugins.compare.statistics.edits import LEAST

LEAST_IDENTITY = 0.75
"""1 % of two drawn looks of one person are less similar, and 1 % of two different people more."""
VISIBLE = 0.5

Why = Literal["identity", "turned", "reach"]


@dataclass(frozen=True)
class End:
    """Where an edit ends.

    Attributes:
        strength, change: there.
        why: the identity is lost beyond; the change turns round; or nothing stronger was tried.
    """

    strength: float
    change: float
    why: Why


@dataclass(frozen=True)
class Curve:
    """One edit in one space: change and net identity by strength, linear between those measured.

    Attributes:
        strengths: increasing, from 0.
        changes: at these; 0 at first.
        identities: at these; 1 at first.
    """

    strengths: np.ndarray
    changes: np.ndarray
    identities: np.ndarray

    @cached_property
    def usable(self) -> End:
        """The end of what is usable."""
        lost = np.flatnonzero(self.identities < LEAST_IDENTITY)
        if not lost.size:
            return self.furthest
        i = int(lost[0])
        ends = self.identities[i - 1 : i + 1][::-1], self.strengths[i - 1 : i + 1][::-1]
        cut = float(np.interp(LEAST_IDENTITY, *ends))
        at_cut = float(np.interp(cut, self.strengths, self.changes))
        top = int(self.changes[:i].argmax())
        if at_cut >= self.changes[top]:
            return End(cut, at_cut, "identity")
        return End(float(self.strengths[top]), float(self.changes[top]), "turned")

    @cached_property
    def furthest(self) -> End:
        """Where the change is largest, whatever becomes of the identity."""
        top = int(self.changes.argmax())
        why: Why = "turned" if top < len(self.changes) - 1 else "reach"
        return End(float(self.strengths[top]), float(self.changes[top]), why)

    def strength_for(self, change: float) -> float | None:
        """The smallest strength that brings a change; None if it is not reached."""
        reached = np.flatnonzero(self.changes >= change)
        if not reached.size:
            return None
        i = int(reached[0])
        if i == 0:
            return float(self.strengths[0])
        return float(np.interp(change, self.changes[i - 1 : i + 1], self.strengths[i - 1 : i + 1]))

    def identity_at(self, change: float) -> float:
        """The net identity at a change; NaN if it is not reached."""
        strength = self.strength_for(change)
        return float("nan") if strength is None else float(np.interp(strength, self.strengths, self.identities))


Curves = Mapping[str, Sequence[Curve]]
"""The curves of the same edits in two spaces, by space."""


def furthest_apart(curves: Curves) -> tuple[int, str] | None:
    """The edit that tells the spaces apart most, and the space that it favours; None if no edit does."""
    first, second = curves
    ahead = usable(curves, first) - usable(curves, second)
    if not ahead.size or not np.abs(ahead).max() >= LEAST:
        return None
    edit = int(np.abs(ahead).argmax())
    return edit, first if ahead[edit] > 0 else second


def most_alike(curves: Curves, but: int | None) -> int | None:
    """The edit in which the spaces are most alike, other than the one to leave out; None if none is large enough."""
    first, second = curves.values()
    common = np.minimum(*(usable(curves, space) for space in curves))
    others = np.arange(len(common)) != but
    least = max(LEAST, VISIBLE * common[others].max(initial=0))
    gaps = {
        edit: abs(first[edit].identity_at(common[edit]) - second[edit].identity_at(common[edit]))
        for edit in np.flatnonzero(others & (common >= least)).tolist()
    }
    return min(gaps, key=lambda edit: gaps[edit], default=None)


def usable(curves: Curves, space: str) -> np.ndarray:
    """The usable changes of all edits in a space."""
    return np.array([curve.usable.change for curve in curves[space]])


def ahead(curves: Curves) -> dict[str, int]:
    """In how many edits each space goes further than the other, by at least :data:`LEAST`."""
    first, second = curves
    gap = usable(curves, first) - usable(curves, second)
    return {first: int((gap >= LEAST).sum()), second: int((gap <= -LEAST).sum())}
