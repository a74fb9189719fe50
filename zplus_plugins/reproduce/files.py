"""The files of an outcome, but its page: ``results.json``, ``table.csv``, and of edits ``curves.csv``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from zplus_plugins.compare.report.plain import csv_bytes, finite
from zplus_plugins.compare.report.results import versions
from zplus_plugins.inversion import SPACES
from zplus_plugins.reproduce import words
from zplus_plugins.reproduce.outcome import Curves, Outcome
from zplus_plugins.reproduce.prepare import Ready

FORMAT = 1


def as_document(ready: Ready, found: Outcome) -> dict[str, Any]:
    """What ``--json`` prints, but the files."""
    protocol = ready.protocol
    return {
        "format": FORMAT,
        "table": protocol.name,
        "title": protocol.title,
        "source": protocol.source,
        "domain": ready.domain,
        "comparable": ready.comparable,
        "mismatch": ready.mismatch or None,
        "departures": list(ready.departures),
        "n": found.pictures,
        "rows": [
            {
                "label": line.row.label,
                "space": line.row.space,
                "published": dict(line.row.published),
                "here": {figure: finite(mean) for figure, mean in line.here.items()},
                "remark": line.row.remark,
            }
            for line in found.lines
        ],
        "tests": [{"figure": test.figure, **asdict(test.result)} for test in found.tests],
        "curves": None if found.curves is None else _of_curves(found.curves),
        "statements": words.statements(ready, found),
        "notes": words.notes(ready),
    }


def as_json(ready: Ready, found: Outcome) -> bytes:
    """The document with all settings; values that vary between runs are under ``run``."""
    content = {
        **as_document(ready, found),
        "settings": ready.identified(),
        "run": {"versions": versions(), "command": sys.argv[1:]},
    }
    return (json.dumps(content, allow_nan=False) + "\n").encode()


def as_csv(ready: Ready, found: Outcome) -> bytes:
    """One row for each of the table, with intervals; whether it is comparable is a column."""
    figures = ready.protocol.figures
    head = ["row", "space", "comparable"]
    head += [f"{f}_{part}" for f in figures for part in ("published", "here", "here_low", "here_high", "here_n")]
    rows = []
    for line in found.lines:
        cells: list[Any] = [line.row.label, line.row.space or "", "yes" if ready.comparable else "no"]
        for figure in figures:
            own = line.here.get(figure)
            cells.append(line.row.published.get(figure))
            cells += [None] * 4 if own is None or own.n == 0 else [own.mean, own.low, own.high, own.n]
        rows.append(cells)
    return csv_bytes(head, rows)


def curves_csv(curves: Curves) -> bytes:
    """One row for each space and strength."""
    rows = [
        [SPACES[space].title, strength, mean.mean, mean.low, mean.high, mean.n]
        for space, means in curves.means.items()
        for strength, mean in zip(curves.strengths, means, strict=True)
        if mean.n
    ]
    return csv_bytes(["space", "strength", "identity", "identity_low", "identity_high", "n"], rows)


def _of_curves(curves: Curves) -> dict[str, Any]:
    return {
        "strengths": list(curves.strengths),
        "identity": {space: [finite(mean) for mean in means] for space, means in curves.means.items()},
        "edited": curves.edited,
        "lost": curves.lost,
        "gain": finite(curves.gain),
    }
