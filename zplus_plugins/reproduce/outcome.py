"""A protocol's rows as measured here, beside the published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zplus_plugins.compare.statistics.figures import Gain, Mean, mean_of, of_the_same, relative_gain
from zplus_plugins.compare.statistics.findings import CANDIDATE, RIVAL, Test, findings
from zplus_plugins.compare.work.run import Measured
from zplus_plugins.metrics.styles import synthetic_nscd
from zplus_plugins.reproduce.prepare import Ready
from zplus_plugins.reproduce.protocol import Row

_MARGIN = 0.05  # of tests that are not the paper's, and are dropped


@dataclass(frozen=True)
class Line:
    """A row of the table: the published one, and the means measured here by metric; empty if it was not run."""

    row: Row
    here: Mapping[str, Mean]


@dataclass(frozen=True)
class Curves:
    """Identity after edits in each space.

    Attributes:
        strengths: of the edits.
        means: the mean over images and directions at each strength, by space.
        edited: number of edited images, in each space.
        lost: number of those that do not count, because there is no face in one of the spaces.
        gain: of F/Z+ over F/W+, over all strengths.
    """

    strengths: tuple[float, ...]
    means: Mapping[str, list[Mean]]
    edited: int
    lost: int
    gain: Gain


@dataclass(frozen=True)
class Outcome:
    """What a protocol has measured.

    Attributes:
        lines: the rows of the table.
        pictures: number of images.
        tests: with the paper's margin.
        curves: of edits, if there are any.
        synthetic: the NSCD of random codes: in spaces without F, and in those with F; if NSCD is in the table.
    """

    lines: tuple[Line, ...]
    pictures: int
    tests: tuple[Test, ...] = ()
    curves: Curves | None = None
    synthetic: tuple[float, float] | None = None


def outcome(ready: Ready, measured: Mapping[str, Measured]) -> Outcome:
    """Evaluate the measurements of the spaces, by name."""
    plan, protocol, model = ready.comparison.plan, ready.protocol, ready.comparison.model
    (pictures,) = plan.sets
    found = findings(plan, pictures, measured, _MARGIN)
    means = {space: dict(own) for space, own in found.means.items()}
    curves = None
    if plan.edits:
        same = of_the_same({space: own.edits["identity_input"] for space, own in measured.items()})
        each = {space: _mean_of_images(values) for space, values in same.items()}
        for space, values in each.items():
            means[space]["identity"] = mean_of(values)
        curves = _curves(plan.strengths, same, relative_gain(each[CANDIDATE], each[RIVAL]))
    return Outcome(
        tuple(_line(row, means, protocol.figures) for row in protocol.rows),
        len(pictures.pictures),
        tuple(test for test in found.tests if test.margin == "paper") if protocol.tested else (),
        curves,
        (synthetic_nscd(model), synthetic_nscd(model, with_f=True)) if "nscd" in protocol.figures else None,
    )


def _line(row: Row, means: Mapping[str, Mapping[str, Mean]], figures: tuple[str, ...]) -> Line:
    own = means.get(row.space or "", {})
    return Line(row, {figure: own[figure] for figure in figures if figure in own})


def _curves(strengths: tuple[float, ...], same: Mapping[str, np.ndarray], gain: Gain) -> Curves:
    at = {space: [mean_of(_mean_of_images(v[..., [s]])) for s in range(len(strengths))] for space, v in same.items()}
    one = next(iter(same.values()))
    return Curves(strengths, at, one.size, int(np.isnan(one).sum()), gain)


def _mean_of_images(values: np.ndarray) -> np.ndarray:
    """Means (n,) over those of (n, D, S) that are not NaN; NaN where none is."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(there, values, 0).sum(axis=(1, 2)) / there.sum(axis=(1, 2))
    return mean
