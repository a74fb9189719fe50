"""The report's tables, in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from zplus_plugins.compare.statistics import paper
from zplus_plugins.compare.statistics.figures import CONFIDENCE, LOWER_IS_BETTER, Mean
from zplus_plugins.compare.statistics.findings import CANDIDATE, REFERENCE, Findings
from zplus_plugins.compare.statistics.verdicts import NAMES, probability
from zplus_plugins.inversion import SPACES


def heading(figure: str) -> str:
    """The heading of a metric's column, with an arrow towards better values."""
    return f"{NAMES.get(figure, figure)} {'↓' if figure in LOWER_IS_BETTER else '↑'}"


def reconstructions(one: Findings) -> str:
    """Means and intervals of every metric, with the paper's values, and the time of a step."""
    figures = list(next(iter(one.means.values())))
    head = ["Space", *map(heading, figures), "ms"]
    best = {figure: _best(one, figure) for figure in figures}
    rows = []
    for space, means in one.means.items():
        in_paper = paper.RECONSTRUCTION.get(space, {})
        cells = [_cell(means[f], space == best[f], in_paper.get(f), len(one.pictures.pictures)) for f in figures]
        rows.append([f"<b>{escape(SPACES[space].title)}</b>", *cells, f"{1000 * one.measured[space].seconds:.1f}"])
    return table(head, rows, f"{one.pictures.title}, n = {len(one.pictures.pictures)}; ms: one step for one image")


def tiles(one: Findings, as_in_paper: bool) -> str:
    """The main findings at a glance: F/Z+ compared with F/W+(P_N) in reconstruction, and with F/W+ in edits.

    Args:
        one: the findings.
        as_in_paper: whether the strengths are the paper's, so that its gain can stand beside ours.
    """
    cells = []
    for test in one.tests:
        if test.margin == "chosen" and test.result.p is not None:
            own, other = (one.means[space][test.figure].mean for space in (CANDIDATE, REFERENCE))
            result = "not inferior" if test.result.p < 1 - CONFIDENCE else "non-inferiority not shown"
            beside = f"{NAMES[test.figure]} {own:.4f} and {other:.4f}, {probability(test.result.p)}"
            cells.append((f"F/Z+ and F/W+(P_N), margin {test.result.margin:.2g}", result, beside))
    for name, what in (("equal", "equal change"), ("eleven", "equal strength")):
        gain = one.gains.get(name)
        if gain is not None and gain.gain is not None:
            interval = "" if gain.low is None or gain.high is None else f", {gain.low:+.1%} to {gain.high:+.1%}"
            beside = f"{gain.first:.3f} and {gain.second:.3f}{interval}"
            beside += f"; the paper: {paper.GAIN:+.0%}" if name == "eleven" and as_in_paper else ""
            cells.append((f"Identity after edits, F/Z+ over F/W+, at {what}", f"{gain.gain:+.1%}", beside))
    parts = (
        f'<div class="tile"><p class="what">{escape(what)}</p><p class="number">{escape(number)}</p>'
        f'<p class="beside">{escape(beside)}</p></div>'
        for what, number, beside in cells
    )
    return f'<div class="tiles">{"".join(parts)}</div>' if cells else ""


def tests(one: Findings) -> str:
    """The non-inferiority tests; nothing if there are none."""
    if not one.tests:
        return ""
    rows = [
        [
            NAMES[test.figure],
            "the paper's" if test.margin == "paper" else "chosen",
            f"{test.result.margin:.3g}",
            f"{test.result.worse:+.3g}",
            "-" if test.result.p is None else probability(test.result.p),
            probability(paper.P_VALUES[test.figure]) if test.margin == "paper" else "",
        ]
        for test in one.tests
    ]
    head = ["Metric", "Margin", "Its value", "F/Z+ worse by", "Here", "In the paper"]
    return table(
        head, rows, f"Is F/Z+ not inferior to F/W+(P_N)? One-sided paired t-tests, n = {one.tests[0].result.n}"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs) + "</dl>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A table that scrolls horizontally if it is too wide; the cells of rows are HTML."""
    top = "".join(f'<th scope="col">{escape(text)}</th>' for text in head)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _best(one: Findings, figure: str) -> str:
    choose = min if figure in LOWER_IS_BETTER else max
    measured = [space for space, means in one.means.items() if means[figure].n]
    return choose(measured, key=lambda space: one.means[space][figure].mean, default="")


def _cell(mean: Mean, best: bool, in_paper: float | None, n: int) -> str:
    if mean.n == 0:
        return "-"
    digits = 2 if abs(mean.mean) >= 10 else 4
    text = f"{mean.mean:.{digits}f}"
    text = f"<strong>{text}</strong>" if best else text
    interval = "" if mean.half is None else f' <span class="half">± {mean.half:.{digits}f}</span>'
    beside = "" if in_paper is None else f"<small>paper {in_paper:.4f}</small>"
    fewer = f"<small>n = {mean.n}</small>" if mean.n < n else ""
    return text + interval + fewer + beside
