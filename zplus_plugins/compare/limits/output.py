"""The limits in files: a table, JSON values, and a section of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from html import escape
from typing import Any

import numpy as np

from zplus_plugins.compare.limits.composites import STRENGTHS, Composites
from zplus_plugins.compare.limits.decisions import Decision
from zplus_plugins.compare.limits.findings import Row
from zplus_plugins.compare.report.plain import csv_bytes, finite, plain
from zplus_plugins.compare.report.tables import table
from zplus_plugins.compare.statistics.figures import Mean
from zplus_plugins.inversion import SPACES

FILE = "limits.csv"


def as_csv(rows: Sequence[Row]) -> bytes:
    """One row for each figure of a space."""
    head = ("space", "measure", "group", "at", "mean", "low", "high", "n")
    return csv_bytes(head, [(row.space, row.measure, row.group, row.at, *astuple(row.mean)) for row in rows])


def as_json(
    composites: Composites, rows: Sequence[Row], decided: Sequence[Decision], missing: Mapping[str, str]
) -> dict[str, Any]:
    """All figures and decisions, as ``limits`` of ``results.json``."""
    return {
        "directions": [edit.name for edit in composites.edits],
        "strengths": list(STRENGTHS),
        "missing": dict(missing),
        "rows": [{**asdict(row), "mean": finite(row.mean)} for row in rows],
        "decisions": [
            {
                "question": one.question.name,
                "better": one.question.better,
                "least": one.question.least,
                "spaces": [one.first, one.second],
                "means": [finite(mean) for mean in one.means],
                "difference": finite(one.difference),
                "change": None if one.change is None else plain(np.array(one.change)),
                "outcome": one.outcome,
            }
            for one in decided
        ],
    }


def section(rows: Sequence[Row], decided: Sequence[Decision], missing: Mapping[str, str]) -> str:
    """The report's section: what was decided, and a table for each measure; HTML."""
    decisions = "".join(f"<li>{escape(one.text)}</li>" for one in decided)
    left_out = "".join(f"<p>Not measured: {escape(name)}, because {escape(why)}.</p>" for name, why in missing.items())
    tables = "".join(_table(measure, rows) for measure in dict.fromkeys(row.measure for row in rows))
    return (
        '<section id="limits" aria-labelledby="limits-title">\n<h2 id="limits-title">Where edits fall apart</h2>\n'
        "<p>Composite edits of one, two and three directions with random signs, up to strength "
        f"{STRENGTHS[-1]:g}. What decides was stated before anything was measured, in docs/limits.md; the rest is "
        f"listed.</p>\n<ul>{decisions}</ul>\n{left_out}<details><summary>All figures</summary>{tables}</details>\n"
        "</section>\n"
    )


def _table(measure: str, rows: Sequence[Row]) -> str:
    own = [row for row in rows if row.measure == measure]
    columns = list(dict.fromkeys((row.group, row.at) for row in own))
    cells = {(row.space, row.group, row.at): row.mean for row in own}
    head = ["Space", *(group if at is None else f"{group}, {at:g}" for group, at in columns)]
    body = [
        [f"<b>{escape(SPACES[space].title)}</b>", *(_cell(cells.get((space, *column))) for column in columns)]
        for space in dict.fromkeys(row.space for row in own)
    ]
    return table(head, body, measure)


def _cell(mean: Mean | None) -> str:
    if mean is None or mean.n == 0:
        return "-"
    interval = "" if mean.low is None else f" <small>[{mean.low:.4f}, {mean.high:.4f}]</small>"
    return f"{mean.mean:.4f}{interval}"
