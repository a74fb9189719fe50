"""The page of an outcome: one HTML file without scripts, with its table, its curves as SVG, and what is to be said."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from zplus_plugins.compare.report import tables
from zplus_plugins.compare.report.report import ASSETS, STYLES
from zplus_plugins.compare.report.results import versions
from zplus_plugins.inversion import SPACES
from zplus_plugins.reproduce import words
from zplus_plugins.reproduce.outcome import Curves, Outcome
from zplus_plugins.reproduce.prepare import Ready

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title} <span class="brand">zplus reproduce {name}</span></h1><p class="lead">{lead}</p></header>
<main>
<section><p class="evidence"><b>{comparability}</b></p>
{table}{statements}</section>
{curves}<section><h2>What is not known, or different here</h2>{notes}</section>
<section><h2>Settings and versions</h2>
<details><summary>Settings</summary>{settings}</details>
<details><summary>Versions</summary>{versions}</details></section>
</main>
</body>
</html>
"""
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _EDGE = 640, 320, 56, 44, 16

_Scale = Callable[[float], float]


def page(ready: Ready, found: Outcome) -> bytes:
    """Build the page."""
    protocol = ready.protocol
    head = [text[:1].upper() + text[1:] for text in words.headings(ready)]
    rows = [[escape(cell) for cell in words.cells(ready, line)] for line in found.lines]
    caption = f"Published: {protocol.source}. Here: {ready.domain}, n = {found.pictures}"
    drawn = ""
    if found.curves is not None:
        drawn = f"<section><h2>Identity and strength</h2>{svg(found.curves, words.here(ready))}</section>\n"
    return _PAGE.format(
        title=escape(protocol.title),
        name=protocol.name,
        lead=escape(f"{ready.domain}, {found.pictures} images, {ready.comparison.plan.settings.steps} steps"),
        style="".join((ASSETS / name).read_text(encoding="utf-8") for name in STYLES),
        comparability=escape(words.comparability(ready)),
        table=tables.table(head, rows, caption),
        statements=_list(words.statements(ready, found)),
        curves=drawn,
        notes=_list(words.notes(ready)),
        settings=tables.facts(ready.identified().items()),
        versions=tables.facts(versions().items()),
    ).encode()


def svg(curves: Curves, where: str) -> str:
    """Identity against strength, a line for each space with its 95 % interval as a band; it stands alone, too.

    Args:
        curves: what to draw.
        where: what the figures are of, such as another domain than the paper's.
    """
    known = {space: [mean for mean in means if mean.n] for space, means in curves.means.items()}
    values = [value for own in known.values() for m in own for value in (m.mean, m.low, m.high) if value is not None]
    ticks = _ticks(min(values), max(values)) if values else [0.0, 1.0]
    low, high = ticks[0], ticks[-1]
    first, last = curves.strengths[0], curves.strengths[-1]

    def x(strength: float) -> float:
        return _LEFT + (strength - first) / (last - first) * (_WIDTH - _LEFT - _EDGE)

    def y(value: float) -> float:
        return _EDGE + (high - value) / (high - low) * (_HEIGHT - _EDGE - _BOTTOM)

    parts = [*_axes(x, y, curves.strengths, ticks, where)]
    for index, (space, means) in enumerate(curves.means.items()):
        points = [(x(s), mean) for s, mean in zip(curves.strengths, means, strict=True) if mean.n]
        colour = f"var(--{space.removeprefix('f/')}, {'#c8430c' if index == 0 else '#1f55c4'})"
        banded = [(at, m.low, m.high) for at, m in points if m.low is not None and m.high is not None]
        if banded:
            outline = [(at, y(top)) for at, _, top in banded] + [(at, y(end)) for at, end, _ in reversed(banded)]
            parts.append(f'<polygon points="{_points(outline)}" fill="{colour}" opacity="0.15"/>')
        line = _points((at, y(mean.mean)) for at, mean in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(_LEFT + 12, _EDGE + 16 + 18 * index, SPACES[space].title, "start", colour))
    label = "Identity after edits against their strength"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" '
        f'font-family="system-ui, sans-serif" font-size="13" width="100%" style="max-width:{_WIDTH}px">'
        f"{''.join(parts)}</svg>"
    )


def _ticks(low: float, high: float) -> list[float]:
    """Round values, a few, from below the lowest to above the highest."""
    step = next((step for step in (0.01, 0.02, 0.05, 0.1, 0.2) if (high - low) / step <= 6), 0.5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(step * k, 2) for k in range(first, max(last, first + 1) + 1)]


def _axes(x: _Scale, y: _Scale, strengths: tuple[float, ...], ticks: Sequence[float], where: str) -> Iterable[str]:
    base = _HEIGHT - _BOTTOM
    yield f'<path d="M{_LEFT} {_EDGE}V{base}H{_WIDTH - _EDGE}" fill="none" stroke="#888"/>'
    for strength in strengths:
        yield _text(x(strength), base + 18, f"{strength:g}", "middle")
    for value in ticks:
        yield _text(_LEFT - 6, y(value) + 4, f"{value:.2f}", "end")
    yield _text((_LEFT + _WIDTH) / 2, _HEIGHT - 6, f"strength of the edit ({where})", "middle")


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#888") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def _list(texts: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""
