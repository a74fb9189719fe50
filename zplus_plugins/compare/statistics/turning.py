"""Where edits turn round: the strength beyond which a space's codes change the target attributes less again.

In a space without bounds a line leaves the distribution of codes. Pushed further, its pictures lose what they were
meant to gain. Means over images of the change are computed at each strength, outwards from 0; the largest is the
turning point, unless it is at the largest strength, beyond which nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zplus_plugins.compare.statistics.edits import SIDES, outwards
from zplus_plugins.compare.statistics.figures import CONFIDENCE, Mean, mean_of
from zplus_plugins.compare.work.parts import Arrays

_RESAMPLES = 2_000


@dataclass(frozen=True)
class Turning:
    """The largest mean change of the target attributes, in shares of their ranges.

    Attributes:
        strength: absolute strength at which it is reached, of those measured; the interval is that of resampled images
            (percentiles of the bootstrap), as for ``change``.
        change: the change there.
        end: the change at the largest strength, with Student's interval.
        last: the largest strength.
    """

    strength: Mean
    change: Mean
    end: Mean
    last: float

    @property
    def turned(self) -> bool:
        """Whether the change falls again before the largest strength."""
        return self.strength.mean < self.last


def turning_points(edits: Mapping[str, Arrays], strengths: Sequence[float]) -> dict[str, Turning]:
    """The turning point of each space, over all directions with an attribute and both sides of each.

    Args:
        edits: measurements by space and name, (B, edits, strengths); spaces without ``change`` are left out.
        strengths: increasing, symmetric about 0.
    """
    changes = {space: own["change"] for space, own in edits.items() if "change" in own}
    known = [~np.isnan(own).any(axis=(0, 2)) for own in changes.values()]
    common = np.flatnonzero(np.all(known, axis=0)) if known else np.array([])
    if not common.size:
        return {}
    curves = {space: np.stack([sides_of(own, d, strengths) for d in common]) for space, own in changes.items()}
    return {space: turning(own.mean(axis=(0, 1)), strengths) for space, own in curves.items()}


def sides_of(change: np.ndarray, direction: int, strengths: Sequence[float]) -> np.ndarray:
    """The change (B, edits, strengths) towards each side of a direction, outwards from strength 0: (2, B, steps)."""
    return np.stack([side * change[:, direction, outwards(strengths, side)] for side in SIDES])


def turning(curves: np.ndarray, strengths: Sequence[float]) -> Turning:
    """The turning point of the mean of curves (B, steps), which begin at strength 0."""
    reached = np.array([strengths[i] for i in outwards(strengths, 1)], float)
    n, mean = len(curves), curves.mean(axis=0)
    top = int(mean.argmax())
    strength, change = Mean(reached[top], None, None, n), Mean(float(mean[top]), None, None, n)
    if n > 1:
        weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=_RESAMPLES) / n
        means = weights @ curves
        strength = _with_interval(strength, reached[means.argmax(axis=1)])
        change = _with_interval(change, means.max(axis=1))
    return Turning(strength, change, mean_of(curves[:, -1]), float(reached[-1]))


def _with_interval(found: Mean, resampled: np.ndarray) -> Mean:
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Mean(float(found.mean), float(low), float(high), found.n)
