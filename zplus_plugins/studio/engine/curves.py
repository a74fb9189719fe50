"""How much an edit changes a picture, by strength; and back: the strength for a wanted change."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

REACH = 6.0
STEP = 0.5
_TRIES = 6
_CLOSE = 0.1  # of the noise, within which a wanted change counts as reached


@dataclass(frozen=True)
class Found:
    """The strength for a wanted change.

    Attributes:
        strength: the smallest that reaches it, between measured ones by linear interpolation; or that of the largest
            change before the curve turns round or ends.
        at_end: whether the change is not reached.
        lacks: the strength to measure next, before this is known; None if it is known.
        ends: the strengths and changes measured next to it, the smaller strength first; None if it is not between two.
    """

    strength: float
    at_end: bool = False
    lacks: float | None = None
    ends: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass
class Curve:
    """Changes of one attribute, measured at strengths 0, :data:`STEP`, ... :data:`REACH`, and at the negative ones.

    To both sides only the rising branch counts: as far as the change grows (or, at negative strengths, falls) before it
    turns round by more than noise.

    Attributes:
        noise: changes up to this large say nothing.
        changes: by strength; NaN where nothing could be measured.
    """

    noise: float
    changes: dict[float, float] = field(default_factory=lambda: {0.0: 0.0})

    def next(self, side: int, reach: float = REACH) -> float | None:
        """The strength to measure next on a side, 1 or -1, up to a reach; None if there is none, or it has turned."""
        known, turned = self._known(side)
        following = side * (abs(known[-1][0]) + STEP)
        return None if turned or abs(following) > reach else following

    @property
    def turn(self) -> tuple[float | None, float | None]:
        """The strengths, a negative and a positive one, at which the curve turns round; None where it does not."""
        low, high = (self._top(side) if self._known(side)[1] else None for side in (-1, 1))
        return low, high

    @property
    def points(self) -> list[tuple[float, float | None]]:
        """All that was measured, by strength; None for NaN."""
        return [(s, None if math.isnan(change) else change) for s, change in sorted(self.changes.items())]

    def change(self, strength: float) -> float:
        """The change at a strength, on a line between those measured next to it; NaN if one of them is missing."""
        below = math.floor(strength / STEP) * STEP
        left, right = (self.changes.get(at, math.nan) for at in (below, below + STEP))
        share = (strength - below) / STEP
        return left if share == 0 else left + share * (right - left)

    def strength(self, wanted: float) -> Found:
        """The strength for a wanted change."""
        if wanted == 0:
            return Found(0.0)
        side = 1 if wanted > 0 else -1
        known, _ = self._known(side)
        for before, after in pairwise(known):
            if side * after[1] >= abs(wanted):
                share = (wanted - before[1]) / (after[1] - before[1])
                return Found(before[0] + share * (after[0] - before[0]), ends=(before, after))
        lacks = self.next(side)
        return Found(self._top(side), at_end=lacks is None, lacks=lacks)

    def refined(self, wanted: float, measure: Callable[[float], float]) -> Found:
        """:meth:`strength` with a few measurements between those of the curve, by the method of Illinois.

        The result depends on the curve alone, not on what else was refined before.
        """
        found = self.strength(wanted)
        if found.ends is None:
            return found
        (s0, c0), (s1, c1) = found.ends
        c0, c1 = c0 - wanted, c1 - wanted
        best = min(((abs(c0), s0), (abs(c1), s1)))
        stayed = 0
        for _ in range(_TRIES):
            if best[0] <= _CLOSE * self.noise:
                break
            at = round((s0 * c1 - s1 * c0) / (c1 - c0), 3)
            off = measure(at) - wanted
            if math.isnan(off):
                break
            best = min(best, (abs(off), at))
            if (off > 0) == (c1 > 0):
                s1, c1, c0 = at, off, c0 / 2 if stayed == 1 else c0
                stayed = 1
            else:
                s0, c0, c1 = at, off, c1 / 2 if stayed == -1 else c1
                stayed = -1
            if c1 == c0:
                break
        return Found(best[1], ends=found.ends)

    def _known(self, side: int) -> tuple[list[tuple[float, float]], bool]:
        """What was measured on a side from 0 outwards as far as it may rise, and whether it has turned."""
        known, best, strength = [(0.0, 0.0)], 0.0, 0.0
        while (strength := strength + STEP) <= REACH and side * strength in self.changes:
            change = self.changes[side * strength]
            if math.isnan(change):
                return known, True
            if side * change < best - self.noise:
                return known, True
            known.append((side * strength, change))
            best = max(best, side * change)
        return known, False

    def _top(self, side: int) -> float:
        known, _ = self._known(side)
        return max(known, key=lambda point: side * point[1])[0]
