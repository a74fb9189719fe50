"""``zplus compare``: run a comparison, write its files, and print its findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.compare.limiting import Wanted, measured, wanted
from zplus_plugins.compare.limits import output
from zplus_plugins.compare.limits.decisions import Decision, decisions
from zplus_plugins.compare.limits.findings import Limits, Row
from zplus_plugins.compare.prepare import Prepared, Request, prepare
from zplus_plugins.compare.report.report import report
from zplus_plugins.compare.report.results import as_csv, as_json, summary
from zplus_plugins.compare.running import carried_out, refuse_overwriting, say_missing
from zplus_plugins.compare.statistics.figures import Mean
from zplus_plugins.compare.statistics.findings import Findings, findings
from zplus_plugins.compare.statistics.verdicts import NAMES, verdicts
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.run import Results as Measurements
from zplus_plugins.errors import UsageError
from zplus_plugins.execution.shards import ALL, Shard
from zplus_plugins.inversion import SPACES
from zplus_plugins.system.console import columns, document, result
from zplus_plugins.system.threads import limited_to

FILES = ("results.json", "table.csv", "report.html")


def run(
    request: Request,
    out: Path,
    margin: float,
    overwrite: bool,
    summarised: bool = False,
    shard: Shard = ALL,
    limits: bool = False,
    second_eyes: Path | None = None,
) -> None:
    """Run a comparison, write ``results.json``, ``table.csv`` and ``report.html``, all or none, and print the findings.

    Args:
        request: what to compare.
        out: folder for the results; finished parts are stored in its folder ``parts``. Files with these names that are
            not ours are never overwritten.
        margin: margin of the chosen non-inferiority tests, as a share of the mean error of F/W+(P_N).
        overwrite: discard existing parts and start again.
        summarised: print a summary as JSON instead.
        shard: the parts to compute. If others are missing then, nothing more is written, and their number is printed.
        limits: whether to measure where edits fall apart, too, and to write that to ``limits.csv`` and the other files.
        second_eyes: for this, the file of a regressor that judged no training; None for none.

    Raises:
        UsageError: as for :func:`prepare`, or options contradict each other, or there is a comparison with other
            settings, or a file that is not ours.
        RequirementError: as for :func:`prepare`, or a file cannot be written, or another process is writing there.
        LatentError: an inversion failed.
    """
    if second_eyes is not None and not limits:
        raise UsageError("--second-eyes measures the pictures of --limits, which was not given: give both or neither.")
    if limits and request.images:
        raise UsageError(
            "--limits compares edits with the true ones, which can be drawn only of the portraits that zplus compare "
            "draws itself: leave out the IMAGES, or --limits."
        )
    if limits and not shard.is_all:
        raise UsageError("--limits needs all parts: run the shards without it, and then once with it, without --shard.")
    refuse_overwriting(overwrite, shard)
    ready = prepare(request)
    with limited_to(ready.share.threads):
        far = wanted(ready, second_eyes) if limits else None
        _carry_out(ready, out, margin, overwrite, summarised, shard, far)


def _carry_out(
    ready: Prepared, out: Path, margin: float, overwrite: bool, summarised: bool, shard: Shard, limits: Wanted | None
) -> None:
    plan, missing = ready.plan, ready.instruments.missing
    say_missing(missing)
    if limits is not None:
        say_missing(limits.missing)
    settings = plan.identified(ready.model, ready.instruments)
    names = FILES if limits is None else (*FILES, output.FILE)

    def evaluate(measurements: Measurements, parts: Parts) -> tuple[tuple[list[Findings], _Far | None], list[bytes]]:
        found = [findings(plan, pictures, measurements[pictures.name], margin) for pictures in plan.sets]
        far = None if limits is None else _Far.of(limits, measured(ready, limits, parts, out, overwrite))
        stated = {**settings, "spaces": ", ".join(s.title for s in plan.spaces), "chosen margin": f"{margin:g}"}
        contents = [
            as_json(plan, stated, missing, found, {} if far is None else far.as_json),
            as_csv(found),
            report(plan, stated, missing, ready.evidence, found, "" if far is None else far.section),
            *([] if far is None else [output.as_csv(far.rows)]),
        ]
        return (found, far), contents

    outcome = carried_out(ready, settings, names, evaluate, out, overwrite, summarised, shard)
    if outcome is None:
        return
    found, far = outcome
    decided = [] if far is None else [one.text for one in far.decided]
    if summarised:
        paths = {Path(name).stem: str(out / name) for name in names}
        document({**summary(plan, missing, found, paths), **({} if far is None else {"limits": decided})})
        return
    for one in found:
        _show(ready, one)
    for text in decided:
        result(f"- {text}")
    for name in names:
        result(out / name)


@dataclass(frozen=True)
class _Far:
    """What was found about the limits."""

    wanted: Wanted
    rows: list[Row]
    decided: list[Decision]

    @classmethod
    def of(cls, wanted: Wanted, limits: Limits) -> _Far:
        return cls(wanted, limits.rows(), decisions(limits))

    @property
    def as_json(self) -> dict[str, Any]:
        return {"limits": output.as_json(self.wanted.composites, self.rows, self.decided, self.wanted.missing)}

    @property
    def section(self) -> str:
        return output.section(self.rows, self.decided, self.wanted.missing)


def _show(ready: Prepared, one: Findings) -> None:
    heading = f"{one.pictures.title}, n = {len(one.pictures.pictures)}, means with 95 % confidence intervals"
    result(f"\n{heading}\n{table(one.means, len(one.pictures.pictures))}\n")
    for text in verdicts(ready.plan, one):
        result(f"- {text}")
    result()


def table(means: Mapping[str, Mapping[str, Mean]], n: int) -> str:
    """Metrics of the reconstructions of n images, one row per space; a mean over fewer images states their number."""
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
