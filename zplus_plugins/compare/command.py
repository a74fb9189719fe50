"""``zplus compare``: run it, show how far it is, and write its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from zplus_plugins.compare.prepare import Prepared, Wishes, prepare
from zplus_plugins.compare.report.report import report
from zplus_plugins.compare.report.results import as_csv, as_json, summary
from zplus_plugins.compare.statistics.figures import Mean
from zplus_plugins.compare.statistics.findings import Findings, findings
from zplus_plugins.compare.statistics.verdicts import NAMES, verdicts
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.run import Results as Measurements
from zplus_plugins.compare.work.run import compare
from zplus_plugins.inversion import SPACES
from zplus_plugins.system.console import bar, columns, document, result, say
from zplus_plugins.system.results import Results
from zplus_plugins.system.threads import limited_to

FILES = ("results.json", "table.csv", "report.html")


def run(wishes: Wishes, out: Path, margin: float, overwrite: bool, summarised: bool = False) -> None:
    """Compare as asked for, and print what was found."""
    ready = prepare(wishes)
    with limited_to(ready.threads):
        carry_out(ready, out, margin, overwrite, summarised)


def carry_out(ready: Prepared, out: Path, margin: float, overwrite: bool = False, summarised: bool = False) -> None:
    """Compare, write ``results.json``, ``table.csv`` and ``report.html``, all or none, and print what was found.

    Args:
        ready: what to compare.
        out: folder of the results; finished parts are kept in its folder ``parts``. A file of one of these names that
            is not ours is left alone.
        margin: of the chosen non-inferiority tests, as a share of the mean of F/W+(P_N).
        overwrite: start anew, whatever parts there are.
        summarised: print a summary as JSON instead.

    Raises:
        UsageError: there is a comparison with other settings, or a file that is not ours.
        RequirementError: a file cannot be written, or another process writes there.
        LatentError: an inversion failed.
    """
    plan = ready.plan
    say_missing(ready)
    settings = plan.identified(ready.model, ready.instruments)
    with Results(out, overwrite) as results, Results(out / "parts") as kept:
        results.finished(FILES, settings)  # what is there and not ours, or of another comparison, is refused at once
        parts = Parts(kept, settings, overwrite)
        measured = _compared(ready, parts)
        found = [findings(plan, pictures, measured[pictures.name], margin) for pictures in plan.sets]
        stated = {**settings, "spaces": ", ".join(s.title for s in plan.spaces), "chosen margin": f"{margin:g}"}
        contents = (
            as_json(plan, stated, ready.instruments.missing, found),
            as_csv(found),
            report(plan, stated, ready.instruments.missing, ready.evidence, found),
        )
        with results.writing(settings) as folder:
            for name, content in zip(FILES, contents, strict=True):
                (folder / name).write_bytes(content)
    if summarised:
        document(summary(plan, ready.instruments.missing, found, {Path(name).stem: str(out / name) for name in FILES}))
        return
    for one in found:
        _show(ready, one)
    for name in FILES:
        result(out / name)


def _compared(ready: Prepared, parts: Parts) -> Measurements:
    total = len(list(ready.plan.tasks())) * ready.plan.steps
    with bar(total, "step") as shown:

        def advance(what: str, steps: int) -> None:
            shown.set_description(what, refresh=False)
            shown.update(steps)

        try:
            return compare(ready.plan, ready.model, ready.instruments, parts, advance, ready.workers)
        except KeyboardInterrupt:
            shown.close()
            names = [task.name for task in ready.plan.tasks()]
            kept = f"{parts.count(names)} of {len(names)} parts are finished and kept in {parts.folder}"
            say(f"{kept}: the same command goes on there.")
            raise


def _show(ready: Prepared, one: Findings) -> None:
    heading = f"{one.pictures.title}, n = {len(one.pictures.pictures)}, means with 95 % intervals"
    result(f"\n{heading}\n{table(one.means, len(one.pictures.pictures))}\n")
    for text in verdicts(ready.plan, one):
        result(f"- {text}")
    result()


def say_missing(ready: Prepared) -> None:
    """What will not be measured, and why."""
    for name, why in ready.instruments.missing.items():
        say(f"not measured: {name}, because {why}.")


def table(means: Mapping[str, Mapping[str, Mean]], n: int) -> str:
    """Figures of the reconstructions of n pictures in each space, a row each; those of fewer say of how many."""
    figures = list(next(iter(means.values())))
    rows = [("SPACE", *(NAMES.get(name, name) for name in figures))]
    rows += [(SPACES[space].title, *(_text(own[name], n) for name in figures)) for space, own in means.items()]
    return columns(rows)


def _text(mean: Mean, n: int) -> str:
    if mean.n == 0:
        return "-"
    digits = 2 if abs(mean.mean) >= 10 else 4
    interval = "" if mean.half is None else f" ± {mean.half:.{digits}f}"
    return f"{mean.mean:.{digits}f}{interval}" + (f" (n = {mean.n})" if mean.n < n else "")
