"""``zplus compare``: run a comparison, show its progress, and write its files."""

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
from zplus_plugins.compare.report.results import FORMAT, as_csv, as_json, summary
from zplus_plugins.compare.statistics.figures import Mean
from zplus_plugins.compare.statistics.findings import Findings, findings
from zplus_plugins.compare.statistics.verdicts import NAMES, verdicts
from zplus_plugins.compare.work.part import LOSS, REDUCED_LOSS
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.plan import Plan
from zplus_plugins.compare.work.run import Results as Measurements
from zplus_plugins.compare.work.run import compute, joined
from zplus_plugins.errors import UsageError
from zplus_plugins.execution.progress import Announced, counting
from zplus_plugins.execution.shards import ALL, Shard
from zplus_plugins.inversion import SPACES
from zplus_plugins.inversion.step.precision import Gate
from zplus_plugins.system.console import bar, columns, document, result, say
from zplus_plugins.system.results import Results
from zplus_plugins.system.threads import limited_to

NOT_COUNTED = "; edits and metrics not counted"
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
    """Run the requested comparison, and print the findings."""
    if second_eyes is not None and not limits:
        raise UsageError("--second-eyes measures the pictures of --limits, which was not given: give both or neither.")
    if limits and request.images:
        raise UsageError(
            "--limits compares edits with the true ones, which can be drawn only of the portraits that zplus compare "
            "draws itself: leave out the IMAGES, or --limits."
        )
    if limits and not shard.is_all:
        raise UsageError("--limits needs all parts: run the shards without it, and then once with it, without --shard.")
    if overwrite and not shard.is_all:
        raise UsageError(
            "--overwrite deletes all parts in --out, also those of other shards. Choose another --out for a new "
            "comparison by shards."
        )
    ready = prepare(request)
    with limited_to(ready.share.threads):
        what = wanted(ready, second_eyes) if limits else None
        carry_out(ready, out, margin, overwrite, summarised, shard, what)


def carry_out(
    ready: Prepared,
    out: Path,
    margin: float,
    overwrite: bool = False,
    summarised: bool = False,
    shard: Shard = ALL,
    limits: Wanted | None = None,
) -> None:
    """Run a comparison, write ``results.json``, ``table.csv`` and ``report.html``, all or none, and print the findings.

    Args:
        ready: the prepared comparison.
        out: folder for the results; finished parts are stored in its folder ``parts``. Files with these names that are
            not ours are never overwritten.
        margin: margin of the chosen non-inferiority tests, as a share of the mean error of F/W+(P_N).
        overwrite: discard existing parts and start again.
        summarised: print a summary as JSON instead.
        shard: the parts to compute. If others are missing then, nothing more is written, and their number is printed.
        limits: what else to measure of the codes, and to write to ``limits.csv`` and the other files; None for nothing.

    Raises:
        UsageError: there is a comparison with other settings, or a file that is not ours.
        RequirementError: a file cannot be written, or another process is writing there.
        LatentError: an inversion failed.
    """
    plan = ready.plan
    say_missing(ready.instruments.missing)
    files = FILES if limits is None else (*FILES, output.FILE)
    if limits is not None:
        say_missing(limits.instruments.missing)
    settings = plan.identified(ready.model, ready.instruments)
    with Results(out, overwrite, shard.label) as results, Results(out / "parts", shard=shard.label) as kept:
        results.finished(files, settings)  # refuse foreign files, or those of another comparison, first
        parts = Parts(kept, settings, overwrite)
        measurements = compared(ready, parts, shard)
        if measurements is None:
            say_unfinished(ready, parts, summarised)
            return
        pass_gate(plan, measurements)
        found = [findings(plan, pictures, measurements[pictures.name], margin) for pictures in plan.sets]
        far = None if limits is None else _Far.of(limits, measured(ready, limits, parts, out, overwrite))
        stated = {**settings, "spaces": ", ".join(s.title for s in plan.spaces), "chosen margin": f"{margin:g}"}
        missing = ready.instruments.missing
        contents = [
            as_json(plan, stated, missing, found, {} if far is None else far.as_json),
            as_csv(found),
            report(plan, stated, missing, ready.evidence, found, "" if far is None else far.section),
            *([] if far is None else [output.as_csv(far.rows)]),
        ]
        with results.writing(settings) as folder:
            for name, content in zip(files, contents, strict=True):
                (folder / name).write_bytes(content)
    verdicts_far = [] if far is None else [one.text for one in far.decided]
    if summarised:
        paths = {Path(name).stem: str(out / name) for name in files}
        document({**summary(plan, missing, found, paths), **({} if far is None else {"limits": verdicts_far})})
        return
    for one in found:
        _show(ready, one)
    for text in verdicts_far:
        result(f"- {text}")
    for name in files:
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
        missing = self.wanted.instruments.missing
        return {"limits": output.as_json(self.wanted.composites, self.rows, self.decided, missing)}

    @property
    def section(self) -> str:
        return output.section(self.rows, self.decided, self.wanted.instruments.missing)


def compared(ready: Prepared, parts: Parts, shard: Shard) -> Measurements | None:
    """The measurements of all parts, after those of a shard were computed; None if others are not finished."""
    plan, every = ready.plan, list(ready.plan.tasks())
    own = shard.of(every)
    left = len(own) - parts.count([task.name for task in own])
    with bar(len(own) * plan.steps, "step") as shown:
        advance = Announced(shown, _work(ready), left * plan.settings.steps, ready.place, rest=NOT_COUNTED)
        try:
            found = compute(
                plan,
                own,
                ready.model,
                ready.instruments,
                parts,
                advance,
                ready.share.workers,
                ready.share.gpus,
                ready.on,
            )
        except KeyboardInterrupt:
            shown.close()
            names = [task.name for task in own]
            kept = f"{parts.count(names)} of {len(names)} parts are finished and stored in {parts.folder}"
            say(f"{kept}: run the same command again to continue.")
            raise
    if not shard.is_all:
        parts.refresh()
        for task in every:
            before = found.get(task.name) or parts.load(task.name)
            if before is None:
                return None
            found[task.name] = before
    return joined(plan, found)


def _work(ready: Prepared) -> str:
    """What is compared, for the estimate."""
    plan = ready.plan
    images, resolution = sum(len(one.pictures) for one in plan.sets), ready.model.generator.architecture.resolution
    spaces = f"{len(plan.spaces)} space{'s' * (len(plan.spaces) > 1)}"
    return f"inverting {counting(images)} of {resolution} px in {spaces}, {plan.settings.steps} steps each"


def say_unfinished(ready: Prepared, parts: Parts, summarised: bool) -> None:
    """Print how many parts are finished, of all shards."""
    names = [task.name for task in ready.plan.tasks()]
    finished = parts.count(names)
    say(f"{finished} of {len(names)} parts are finished; when all are, run without --shard for the report.")
    if summarised:
        document({"format": FORMAT, "finished": finished, "parts": len(names)})


def pass_gate(plan: Plan, measured: Measurements) -> None:
    """Compare the losses of inversions in a lower precision with those in float32; see :class:`Gate`."""
    gate = Gate()
    for pictures in plan.sets:
        for space in plan.spaces:
            figures = measured[pictures.name][space.name].figures
            if REDUCED_LOSS in figures:
                names = (f"{space.title}, {pictures.title.lower()} {index + 1}" for index in range(len(figures[LOSS])))
                gate.add(names, figures[LOSS].tolist(), figures[REDUCED_LOSS].tolist())
    gate.close()


def _show(ready: Prepared, one: Findings) -> None:
    heading = f"{one.pictures.title}, n = {len(one.pictures.pictures)}, means with 95 % confidence intervals"
    result(f"\n{heading}\n{table(one.means, len(one.pictures.pictures))}\n")
    for text in verdicts(ready.plan, one):
        result(f"- {text}")
    result()


def say_missing(missing: Mapping[str, str]) -> None:
    """Print what is not measured, and why: a note, because nothing has failed."""
    for name, why in missing.items():
        say(f"note: measured without {name}, because {why}.")


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
