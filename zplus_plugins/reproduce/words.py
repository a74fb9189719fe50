"""An outcome as text: the columns of its table, and what is to be said of it."""

from __future__ import annotations

from zplus_plugins.compare.statistics import paper
from zplus_plugins.compare.statistics.figures import CONFIDENCE, Mean
from zplus_plugins.compare.statistics.findings import Test
from zplus_plugins.compare.statistics.verdicts import NAMES, probability
from zplus_plugins.reproduce.outcome import Line, Outcome
from zplus_plugins.reproduce.prepare import Ready

_DIGITS = 5


def here(ready: Ready) -> str:
    """The heading of the figures that were measured here, which says if they are not to be compared."""
    other = [*(["domain"] if ready.mismatch else []), *(["settings"] if ready.departures else [])]
    return f"here, other {' and '.join(other)}" if other else "here"


def headings(ready: Ready) -> list[str]:
    """The headings of the table."""
    names = [NAMES.get(figure, figure) for figure in ready.protocol.figures]
    return ["row", *(f"{name} {where}" for name in names for where in ("published", f"({here(ready)})"))]


def cells(ready: Ready, line: Line) -> list[str]:
    """The cells of a row."""
    found = [line.row.label]
    for figure in ready.protocol.figures:
        published, own = line.row.published.get(figure), line.here.get(figure)
        found.append("-" if published is None else f"{published:.{ready.protocol.digits}f}")
        found.append(_number(own))
    return found


def _number(mean: Mean | None) -> str:
    if mean is None or mean.n == 0:
        return "-"
    return f"{mean.mean:.{_DIGITS}f}" + ("" if mean.half is None else f" ± {mean.half:.{_DIGITS}f}")


def comparability(ready: Ready) -> str:
    """Whether the two columns can be compared."""
    settings = f"The settings are not the paper's: {', '.join(ready.departures)}." if ready.departures else ""
    if ready.mismatch:
        return f"Not comparable with the published figures: {ready.mismatch}. {settings}".rstrip()
    unseen = (
        "The published figures are of StyleGAN2 of FFHQ and of CelebA-HQ. Whether the generator and the images here "
        "are these is not checked."
    )
    return f"{settings} {unseen}".lstrip()


def statements(ready: Ready, found: Outcome) -> list[str]:
    """What was found, besides the table."""
    texts = [_of_test(test, ready.comparable) for test in found.tests]
    if found.curves is not None:
        curves, gain = found.curves, found.curves.gain
        if gain.gain is not None:
            between = "" if gain.low is None or gain.high is None else f" [{gain.low:+.1%}, {gain.high:+.1%}]"
            texts.append(
                f"Identity in F/Z+ against F/W+: {gain.gain:+.1%}{between}, n = {gain.n}; the paper: {paper.GAIN:+.0%}"
                f"{_unlike(ready.comparable)}."
            )
        texts.append(f"Directions: {ready.directions}.")
        if curves.lost:
            texts.append(f"Without a face in one of the spaces, and left out: {curves.lost} of {curves.edited} edits.")
    if found.synthetic is not None:
        plain, with_f = found.synthetic
        texts.append(f"NSCD of random codes: {plain:.{_DIGITS}f}; in the layers that F leaves: {with_f:.{_DIGITS}f}.")
    return texts


def _of_test(test: Test, comparable: bool) -> str:
    found, name = test.result, NAMES[test.figure]
    beside = f"the paper: p = {paper.P_VALUES[test.figure]:g}{_unlike(comparable)}"
    if found.p is None:
        return f"{name}: a test of non-inferiority needs more than one image ({beside})."
    shown = "not inferior" if found.p < 1 - CONFIDENCE else "not shown to be non-inferior"
    return (
        f"{name}: F/Z+ is {shown} to F/W+(P_N) within {found.margin:g} ({probability(found.p)}; {beside}); "
        f"{'worse' if found.worse > 0 else 'better'} by {abs(found.worse):.2g} in the mean, n = {found.n}."
    )


def _unlike(comparable: bool) -> str:
    return "" if comparable else ", not comparable"


def notes(ready: Ready) -> list[str]:
    """What is not known of the original, or is different here, and what was not measured."""
    protocol = ready.protocol
    missing = ready.comparison.instruments.missing.items()
    settings = ready.comparison.plan.settings.stated()
    stated = ", ".join(f"{name} {value}" for name, value in settings.items())
    unmeasured = [f"Not measured: {name}, because {why}." for name, why in missing if name.lower() in protocol.figures]
    remarks = [f"{row.label}: {row.remark}." for row in protocol.rows if row.remark]
    return [*remarks, f"Settings: {protocol.reference} ({stated}).", *protocol.notes, *unmeasured]
