"""The content of the demo's ``summary.json``, and the notes below its image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.report.plain import plain
from zplus_plugins.compare.report.results import versions
from zplus_plugins.compare.statistics.edits import LEAST
from zplus_plugins.demo.blocks import SHARES, Block, Side
from zplus_plugins.demo.choice import LEAST_IDENTITY, ahead
from zplus_plugins.demo.finding import Found
from zplus_plugins.demo.following import Edited
from zplus_plugins.demo.trial import Attempt


def summary(ready: Prepared, found: Found, said: Mapping[str, Any]) -> dict[str, Any]:
    """All figures; ``docs/json.md`` lists them.

    Args:
        ready, found: what was done, and what was found.
        said: what else is to be at its beginning.
    """
    return {
        **said,
        "settings": ready.plan.identified(ready.model, ready.instruments),
        "missing": dict(ready.instruments.missing),
        "realism_of_drawn": found.within,
        "ahead": ahead(found.curves),
        "spaces": {one.space.name: _summary(one, found) for one in found.attempts},
        "blocks": [_of_block(block) for block in found.blocks],
        "edits": [
            {"directions": edit.signs, "usable": {space: asdict(own[i].usable) for space, own in found.curves.items()}}
            for i, edit in enumerate(found.edits)
        ],
        "run": {"versions": versions(), "seconds": {one.space.name: round(one.seconds, 2) for one in found.attempts}},
    }


def _summary(one: Attempt, found: Found) -> dict[str, Any]:
    return {
        "title": one.space.title,
        "max_sphere_error": one.sphere_error,
        "realism": found.realism[one.space.name],
        **{name: plain(np.array(value)) for name, value in one.figures.items()},
    }


def _of_block(block: Block) -> dict[str, Any]:
    return {
        "kind": block.kind,
        "title": block.edit.title,
        "directions": block.edit.signs,
        "favours": block.favours,
        "change": block.change,
        "spaces": {space: _of_side(side) for space, side in block.sides.items()},
    }


def _of_side(side: Side) -> dict[str, Any]:
    return {
        "outcome": side.outcome,
        "reached": side.reached,
        "usable": asdict(side.usable),
        "furthest": asdict(side.furthest),
        "shown": [{"share": share, **_figures(edited)} for share, edited in zip(SHARES, side.shown, strict=True)],
    }


def _figures(edited: Edited) -> dict[str, Any]:
    names = ("strength", "change", "net_identity", "realism")
    return {name: plain(np.array(getattr(edited, name), float)) for name in names}


def notes(found: Found) -> list[str]:
    """What is to be known to read the image."""
    last = max(curve.strengths[-1] for own in found.curves.values() for curve in own)
    titles = {one.space.name: one.space.title for one in found.attempts}
    further = ", ".join(f"{titles[space]} in {n}" for space, n in ahead(found.curves).items())
    return [
        f"Of {len(found.edits)} edits, usable further by {LEAST:.0%} of a range: {further}. The rule: docs/demo.md.",
        f"Usable: before it turns round, and net identity {LEAST_IDENTITY} or more, up to strength {last:g}.",
        f"Realism: distance to drawn portraits; 95 % of other drawn ones are within {found.within:.2f}.",
    ]
