"""A self-contained HTML page: images and edits side by side, tables, curves, settings; no network, no libraries."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from zplus_plugins.compare.report import tables
from zplus_plugins.compare.report.curves import curves
from zplus_plugins.compare.report.results import plain, versions
from zplus_plugins.compare.report.sprites import sprites
from zplus_plugins.compare.statistics.findings import Findings
from zplus_plugins.compare.statistics.verdicts import NAMES, edit_notes, verdicts
from zplus_plugins.compare.work.plan import Plan

ASSETS = Path(__file__).parents[1] / "assets"
STYLES = ("parts.css", "report.css")
SCRIPTS = ("elements.js", "pair.js", "link.js", "sheet.js", "charts.js", "viewer.js", "report.js")
_ALL_SPECIAL = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})  # within a script element


def report(
    plan: Plan, settings: Mapping[str, str], missing: Mapping[str, str], evidence: str, found: Sequence[Findings]
) -> bytes:
    """Build the page.

    Args:
        plan: the plan of the comparison.
        settings: all settings, by name.
        missing: what could not be measured, and why.
        evidence: what results for this generator can show, in a sentence or two.
        found: the findings for each set of images.
    """
    addresses, shown = sprites(list(found), plan.shown)
    places = {
        "evidence": escape(evidence),
        "lead": escape(_lead(plan, found)),
        "choice": _choice(found),
        "verdicts": _panels(found, lambda one: tables.tiles(one) + _in_words(verdicts(plan, one))),
        "tables": _panels(found, tables.reconstructions),
        "missing": _list(f"Not measured: {name}, because {why}." for name, why in missing.items()),
        "notes": _panels(found, lambda one: _list(edit_notes(plan, one))),
        "tests": _panels(found, tables.tests),
        "settings": tables.facts(settings.items()),
        "versions": tables.facts(versions().items()),
        "style": "".join(map(_asset, STYLES)) + _sprite_rules(addresses),
        "script": "".join(map(_asset, SCRIPTS)),
        "data": json.dumps(_data(plan, found, shown), allow_nan=False, separators=(",", ":")).translate(_ALL_SPECIAL),
    }
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: places[match[1]], _asset("report.html"))
    return page.encode()


def _lead(plan: Plan, found: Sequence[Findings]) -> str:
    pictures = ", ".join(f"{len(one.pictures.pictures)} {one.pictures.title.lower()}" for one in found)
    return (
        f"{len(plan.spaces)} spaces, {pictures}, {plan.settings.steps} optimizer steps each with the same losses, "
        f"{len(plan.edits)} editing directions at {len(plan.strengths)} strengths, "
        f"on the hypersphere along {'a single direction in Z' if plan.way == 'global' else 'a separate path per code'}."
    )


def _choice(found: Sequence[Findings]) -> str:
    if len(found) < 2:
        return ""
    options = "".join(
        f'<label><input type="radio" name="set" value="{index}"{" checked" * (index == 0)}>'
        f"<span>{escape(one.pictures.title)}</span></label>"
        for index, one in enumerate(found)
    )
    return f'<fieldset class="chips" id="sets"><legend>Images</legend>{options}</fieldset>'


def _panels(found: Sequence[Findings], content: Any) -> str:
    """One panel for each set; the script shows the panel of the chosen set, and without scripts all are shown."""
    return "".join(
        f'<div data-set="{index}"><h3 class="of-set">{escape(one.pictures.title)}</h3>{content(one)}</div>'
        if len(found) > 1
        else content(one)
        for index, one in enumerate(found)
    )


def _list(texts: Any) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def _in_words(texts: list[str]) -> str:
    return f'<details open class="words"><summary>In words</summary>{_list(texts)}</details>'


def _sprite_rules(addresses: Mapping[str, str]) -> str:
    return "\n".join(
        f'[data-sprite="{name}"]{{background-image:url("{address}")}}' for name, address in addresses.items()
    )


def _data(plan: Plan, found: Sequence[Findings], shown: int) -> dict[str, Any]:
    return {
        "strengths": plan.strengths,
        "edits": [edit.name for edit in plan.edits],
        "spaces": [
            {"name": s.name, "title": s.title, "group": "f" if s.with_f else "plain", "base": s.name.removeprefix("f/")}
            for s in plan.spaces
        ],
        "figures": NAMES,
        "sets": [_of_set(plan, one, shown) for one in found],
    }


def _of_set(plan: Plan, one: Findings, shown: int) -> dict[str, Any]:
    return {
        "name": one.pictures.name,
        "title": one.pictures.title,
        "shown": min(shown, len(one.pictures.pictures)),
        "figures": {
            space: {figure: _rounded(values, 5) for figure, values in own.items()} for space, own in one.figures.items()
        },
        "edited": {
            space: {figure: _rounded(values[:shown], 3) for figure, values in own.edits.items()}
            for space, own in one.measured.items()
        },
        "curves": curves(plan, one),
    }


def _rounded(values: np.ndarray, digits: int) -> Any:
    return plain(np.round(values, digits))


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
