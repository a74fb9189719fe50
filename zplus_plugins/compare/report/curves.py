"""The curves of edits: metrics against strength, and against the change of the target attribute."""

from __future__ import annotations

from typing import Any

import numpy as np

from zplus_plugins.compare.statistics.figures import mean_of, of_the_same
from zplus_plugins.compare.statistics.findings import Findings
from zplus_plugins.compare.work.measuring import EDIT_FIGURES
from zplus_plugins.compare.work.plan import Plan

_DIGITS = 4


def curves(plan: Plan, one: Findings) -> dict[str, Any]:
    """Curves for the report: ``{"strength" | "change": {metric: {direction | "all": {space: curve}}}}``.

    A curve has the lists ``x``, ``y`` and ``half`` (half the 95 % interval; None if only one image has a value). Points
    without a value are left out. Curves against change apply within a group of spaces. Every point uses only images for
    which all spaces have a value."""
    found: dict[str, Any] = {"strength": {}, "change": {}}
    for figure in EDIT_FIGURES:
        found["strength"][figure] = _against_strength(plan, one, figure)
        if figure != "change":
            found["change"][figure] = _against_change(plan, one, figure)
    return {kind: {f: choices for f, choices in figures.items() if choices} for kind, figures in found.items()}


def _choices(plan: Plan) -> dict[str, int | None]:
    return {"all": None, **{edit.name: index for index, edit in enumerate(plan.edits)}}


def _against_strength(plan: Plan, one: Findings, figure: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, direction in _choices(plan).items():
        whole = of_the_same({space: own.edits[figure] for space, own in one.measured.items() if figure in own.edits})
        for space, own in whole.items():
            values = own if direction is None else own[:, [direction]]
            curve = _curve(np.array(plan.strengths), _over_directions(values))
            if curve["x"]:
                found.setdefault(name, {})[space] = curve
    return found


def _against_change(plan: Plan, one: Findings, figure: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, direction in _choices(plan).items():
        for equal in one.equal.values():
            x = equal.changes(direction)
            if np.isnan(x).any():
                continue
            means = {s: equal.mean(s, figure, direction) for s, values in equal.values.items() if figure in values}
            for space, values in of_the_same(means).items():
                if (curve := _curve(x, values))["x"]:
                    found.setdefault(name, {})[space] = curve
    return found


def _over_directions(values: np.ndarray) -> np.ndarray:
    """Means (n, S) over those directions of (n, D, S) that have the figure; NaN where none has, as of a lost face."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(there, values, 0).sum(axis=1) / there.sum(axis=1)
    return mean


def _curve(x: np.ndarray, values: np.ndarray) -> dict[str, list[float | None]]:
    """Of values (n, len(x)), where any picture has one."""
    means = [(place, mean_of(column)) for place, column in zip(x, values.T, strict=True)]
    means = [(place, mean) for place, mean in means if mean.n]
    return {
        "x": [round(float(place), _DIGITS) for place, _ in means],
        "y": [round(mean.mean, _DIGITS) for _, mean in means],
        "half": [None if mean.half is None else round(mean.half, _DIGITS) for _, mean in means],
    }
