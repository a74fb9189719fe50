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
from zplus_plugins.compare.report.plain import plain
from zplus_plugins.compare.report.results import versions
from zplus_plugins.compare.report.sprites import sprites
from zplus_plugins.compare.statistics.findings import Findings
from zplus_plugins.compare.statistics.verdicts import NAMES, edit_notes, verdicts
from zplus_plugins.compare.work.plan import STRENGTHS, Plan

ASSETS = Path(__file__).parents[1] / "assets"
STYLES = ("parts.css", "report.css")
SCRIPTS = ("elements.js", "pair.js", "link.js", "sheet.js", "charts.js", "sprites.js", "viewer.js", "report.js")
_NUMBERS = (
    "Hold “Unedited” to see both without the edit. id is the similarity of an image's identity to the target's, and Δ "
    "the change of the target attribute relative to the unedited reconstruction, as a fraction of its range."
)
_ALL_SPECIAL = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})  # within a script element


def report(
    plan: Plan,
    settings: Mapping[str, str],
    missing: Mapping[str, str],
    evidence: str,
    found: Sequence[Findings],
    more: str = "",
) -> bytes:
    """Build the page.

    Args:
        plan: the plan of the comparison.
        settings: all settings, by name.
        missing: what could not be measured, and why.
        evidence: what results for this generator can show, in a sentence or two.
        found: the findings for each set of images.
        more: a further section, in HTML, before the settings.
    """
    addresses, shown = sprites(list(found), plan.shown)
    data = _data(plan, found, shown, addresses)
    as_in_paper = plan.strengths == STRENGTHS
    places = {
        "evidence": evidence and f'<p class="evidence"><b>What this can show.</b> {escape(evidence)}</p>',
        "lead": escape(_lead(plan, found)),
        "choice": _choice(found),
        "numbers": _NUMBERS if plan.edits else "",
        "verdicts": _panels(found, lambda one: tables.tiles(one, as_in_paper) + _in_words(verdicts(plan, one))),
        "tables": _panels(found, tables.reconstructions),
        "missing": _list(f"Not measured: {name}, because {why}." for name, why in missing.items()),
        "notes": _details("The change up to which each edit is compared", found, lambda one: edit_notes(plan, one)),
        "tests": _panels(found, tables.tests),
        "more": more,
        "settings": tables.facts(settings.items()),
        "versions": tables.facts(versions().items()),
        "style": "".join(map(_asset, STYLES)),
        "script": "".join(map(_asset, SCRIPTS)),
        "data": json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_ALL_SPECIAL),
    }
    template = _asset("report.html")
    if not any(curves for one in data["sets"] for curves in one["curves"].values()):
        template = _without("edits", template)
    if not any(one.tests for one in found):
        template = _without("tests", template)
    page = re.sub(r"\{\{(\w+)\}\}", lambda match: places[match[1]], template)
    return page.encode()


def _without(section: str, template: str) -> str:
    return re.sub(rf'<section id="{section}".*?</section>\n', "", template, flags=re.DOTALL)


def _lead(plan: Plan, found: Sequence[Findings]) -> str:
    pictures = ", ".join(f"{len(one.pictures.pictures)} {one.pictures.title.lower()}" for one in found)
    several = "" if len(plan.spaces) == 1 else "s"
    steps = f"{plan.settings.steps} optimizer steps each with the same losses"
    text = f"{len(plan.spaces)} space{several}, {pictures}, {steps}"
    if not plan.edits:
        return f"{text}, no edits."
    directions = "1 editing direction" if len(plan.edits) == 1 else f"{len(plan.edits)} editing directions"
    return f"{text}, {directions} at {len(plan.strengths)} strengths."


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


def _details(summary: str, found: Sequence[Findings], texts: Any) -> str:
    if not any(map(texts, found)):
        return ""
    return f"<details><summary>{summary}</summary>{_panels(found, lambda one: _list(texts(one)))}</details>"


def _in_words(texts: list[str]) -> str:
    return f'<details open class="words"><summary>In words</summary>{_list(texts)}</details>'


def _data(plan: Plan, found: Sequence[Findings], shown: int, addresses: Mapping[str, str]) -> dict[str, Any]:
    return {
        "sprites": addresses,
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
