"""The files ``results.json``, with every number, and ``table.csv``, with those that do not vary between runs."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from zplus_plugins._version import __version__
from zplus_plugins.compare.report.plain import csv_bytes, finite, plain
from zplus_plugins.compare.statistics import paper
from zplus_plugins.compare.statistics.edits import EqualChange
from zplus_plugins.compare.statistics.figures import Mean, mean_of, of_the_same
from zplus_plugins.compare.statistics.findings import Findings
from zplus_plugins.compare.statistics.turning import Turning, sides_of, turning
from zplus_plugins.compare.statistics.verdicts import verdicts
from zplus_plugins.compare.work.plan import Plan

FORMAT = 1  # of the summary
RESULTS_FORMAT = 2  # of results.json; since 2, no change does not count among equal changes
_LIBRARIES = ("torch", "torchmetrics", "numpy", "scipy", "pillow", "lpips")


def versions() -> dict[str, str]:
    """Versions of the packages used."""
    return {
        "zplus-plugins": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "platform": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads",
    }


def as_json(
    plan: Plan,
    settings: Mapping[str, str],
    missing: Mapping[str, str],
    found: Sequence[Findings],
    more: Mapping[str, Any] | None = None,
) -> bytes:
    """All settings, measurements and findings, and ``more``; values that vary between runs are under ``run``."""
    content = {
        "format": RESULTS_FORMAT,
        "settings": {**settings, "spaces": ",".join(space.name for space in plan.spaces)},
        "edits": [edit.name for edit in plan.edits],
        "strengths": list(plan.strengths),
        "missing": dict(missing),
        "sets": {one.pictures.name: _of_set(plan, one) for one in found},
        **(more or {}),
        "run": {
            "versions": versions(),
            "command": sys.argv[1:],
            "seconds_per_picture_and_step": {
                one.pictures.name: {name: own.seconds for name, own in one.measured.items()} for one in found
            },
        },
    }
    return (json.dumps(content, allow_nan=False) + "\n").encode()


def summary(
    plan: Plan, missing: Mapping[str, str], found: Sequence[Findings], files: Mapping[str, str]
) -> dict[str, Any]:
    """The output of ``zplus compare --json``: the means, the findings, and the paths of the files.

    Args:
        plan, missing, found: as for :func:`as_json`.
        files: the written files, by name.
    """
    return {
        "format": FORMAT,
        "files": dict(files),
        "missing": dict(missing),
        "sets": {
            one.pictures.name: {
                "title": one.pictures.title,
                "n": len(one.pictures.pictures),
                "spaces": {s: {f: finite(mean) for f, mean in own.items()} for s, own in one.means.items()},
                "verdicts": list(verdicts(plan, one)),
            }
            for one in found
        },
    }


def _of_set(plan: Plan, one: Findings) -> dict[str, Any]:
    return {
        "title": one.pictures.title,
        "n": len(one.pictures.pictures),
        "spaces": {
            name: {
                "figures": {f: {**finite(one.means[name][f]), "values": plain(v)} for f, v in own.figures.items()},
                "edits": {f: plain(values) for f, values in own.edits.items()},
                "paper": paper.RECONSTRUCTION.get(name, {}),
            }
            for name, own in one.measured.items()
        },
        "tests": [{"figure": t.figure, "kind": t.margin, **asdict(t.result)} for t in one.tests],
        "gains": {name: finite(gain) for name, gain in one.gains.items()},
        "losses": {
            name: {part: finite(mean) for part, mean in vars(loss).items()} for name, loss in one.losses.items()
        },
        "turning": {space: _of_turning(plan, one, space) for space in one.turning},
        "equal_change": {group: _of_group(equal) for group, equal in one.equal.items()},
    }


def _of_turning(plan: Plan, one: Findings, space: str) -> dict[str, Any]:
    """Where a space's edits turn round: over all directions, and for each side of each."""
    change, sides = one.measured[space].edits["change"], ("less", "more")
    known = {edit.name: d for d, edit in enumerate(plan.edits) if not np.isnan(change[:, d]).any()}
    return {
        **_as_plain(one.turning[space]),
        "directions": {
            name: {
                side: _as_plain(turning(curves, plan.strengths))
                for side, curves in zip(sides, sides_of(change, d, plan.strengths), strict=True)
            }
            for name, d in known.items()
        },
    }


def _as_plain(found: Turning) -> dict[str, Any]:
    means = {name: finite(mean) for name, mean in vars(found).items() if isinstance(mean, Mean)}
    return {**means, "turned": found.turned}


def _of_group(equal: EqualChange) -> dict[str, Any]:
    return {
        "reach": plain(equal.reach),
        "limited_by": equal.limited_by,
        "changes": plain(equal.changes()),
        "spaces": {
            space: {figure: plain(equal.mean(space, figure).mean(axis=0)) for figure in values}
            for space, values in equal.values.items()
        },
    }


def as_csv(found: Sequence[Findings]) -> bytes:
    """One row for each set and space: metrics with their intervals, identity after edits, and the paper's values."""
    rows = [_row(one, name) for one in found for name in one.measured]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return csv_bytes(columns, [[row.get(column) for column in columns] for row in rows])


def _row(one: Findings, space: str) -> dict[str, Any]:
    row: dict[str, Any] = {"set": one.pictures.name, "space": space, "n": len(one.pictures.pictures)}
    figures = dict(one.means[space])
    for steps, values in one.edited.get(space, {}).items():
        figures[f"edited_identity_{steps}"] = mean_of(values)
    if space in one.turning:
        turned = one.turning[space]
        figures |= {"turning_strength": turned.strength, "turning_change": turned.change, "end_change": turned.end}
    for equal in one.equal.values():
        if space in equal.values and not np.isnan(equal.reach).all():
            for figure in ("identity_input", "leakage"):
                if figure in equal.values[space]:
                    having = [s for s, own in equal.values.items() if figure in own]
                    means = {s: equal.edited(s, figure) for s in having}
                    figures[f"edited_{figure}_equal"] = mean_of(of_the_same(means)[space])
                    if figure == "identity_input":
                        lost = {s: equal.lost(s, figure) for s in having}
                        figures["lost_identity_equal"] = mean_of(of_the_same(lost)[space])
    for figure, mean in figures.items():
        row |= {figure: mean.mean, f"{figure}_low": mean.low, f"{figure}_high": mean.high, f"{figure}_n": mean.n}
    return row | {f"paper_{figure}": value for figure, value in paper.RECONSTRUCTION.get(space, {}).items()}
