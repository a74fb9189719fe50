"""Run a prepared comparison: compute its parts, those of a shard first, and write what they show, all or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.report.results import FORMAT
from zplus_plugins.compare.work.part import LOSS, REDUCED_LOSS
from zplus_plugins.compare.work.parts import Parts
from zplus_plugins.compare.work.plan import Plan
from zplus_plugins.compare.work.run import Results as Measurements
from zplus_plugins.compare.work.run import compute, joined
from zplus_plugins.errors import UsageError
from zplus_plugins.execution.progress import Announced, counting
from zplus_plugins.execution.shards import Shard
from zplus_plugins.inversion.step.precision import Gate
from zplus_plugins.system.console import bar, document, say
from zplus_plugins.system.results import Results, Settings

NOT_COUNTED = "; edits and metrics not counted"

_Outcome = TypeVar("_Outcome")


def refuse_overwriting(overwrite: bool, shard: Shard) -> None:
    """Refuse to start again with one shard, before anything is prepared.

    Raises:
        UsageError: both are wanted.
    """
    if overwrite and not shard.is_all:
        raise UsageError(
            "--overwrite deletes all parts in --out, also those of other shards. Choose another --out to start again "
            "by shards."
        )


def carried_out(
    ready: Prepared,
    settings: Settings,
    names: Sequence[str],
    evaluate: Callable[[Measurements, Parts], tuple[_Outcome, Sequence[bytes]]],
    out: Path,
    overwrite: bool,
    summarised: bool,
    shard: Shard,
) -> _Outcome | None:
    """Compute the parts of a comparison and, if all are finished then, write the files of its outcome, all or none.

    Args:
        ready: the comparison.
        settings: everything on which parts and files depend.
        names: of the files.
        evaluate: from the measurements of all parts, and these parts, the outcome and the contents of the files.
        out: folder for the files; finished parts are stored in its folder ``parts``. Files with these names that are
            not ours are never overwritten.
        overwrite: discard existing parts and start again.
        summarised: print the number of finished parts, if some are missing, as a JSON document, too.
        shard: the parts to compute.

    Returns:
        The outcome; None if parts are missing, in which case their number was printed and nothing written.

    Raises:
        UsageError: there are results with other settings, or a file that is not ours.
        RequirementError: a file cannot be written, or another process is writing there.
        LatentError: an inversion failed.
    """
    with Results(out, overwrite, shard.label) as results, Results(out / "parts", shard=shard.label) as kept:
        results.finished(names, settings)  # refuse foreign files, or those of another comparison, first
        parts = Parts(kept, settings, overwrite)
        measured = _compared(ready, parts, shard)
        if measured is None:
            _say_unfinished(ready, parts, summarised)
            return None
        _pass_gate(ready.plan, measured)
        outcome, contents = evaluate(measured, parts)
        with results.writing(settings) as folder:
            for name, content in zip(names, contents, strict=True):
                (folder / name).write_bytes(content)
    return outcome


def _compared(ready: Prepared, parts: Parts, shard: Shard) -> Measurements | None:
    """The measurements of all parts, after those of a shard were computed; None if others are not finished."""
    plan, every = ready.plan, list(ready.plan.tasks())
    own = shard.of(every)
    left = len(own) - parts.count([task.name for task in own])
    with bar(len(own) * plan.steps, "step") as shown:
        advance = Announced(shown, _work(ready), left * plan.settings.steps, ready.place, rest=NOT_COUNTED)
        with telling_what_is_kept(parts, [task.name for task in own], shown):
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
    if not shard.is_all:
        parts.refresh()
        for task in every:
            before = found.get(task.name) or parts.load(task.name)
            if before is None:
                return None
            found[task.name] = before
    return joined(plan, found)


@contextmanager
def telling_what_is_kept(parts: Parts, names: Sequence[str], shown: Any) -> Iterator[None]:
    """Inside this context, if Ctrl-C ends the work, close the bar and say how many of these parts are finished."""
    try:
        yield
    except KeyboardInterrupt:
        shown.close()
        say(
            f"{parts.count(names)} of {len(names)} parts are finished and stored in {parts.folder}: run the same "
            "command again to continue."
        )
        raise


def _work(ready: Prepared) -> str:
    """What is compared, for the estimate."""
    plan = ready.plan
    images, resolution = sum(len(one.pictures) for one in plan.sets), ready.model.generator.architecture.resolution
    spaces = f"{len(plan.spaces)} space{'s' * (len(plan.spaces) > 1)}"
    return f"inverting {counting(images)} of {resolution} px in {spaces}, {plan.settings.steps} steps each"


def _say_unfinished(ready: Prepared, parts: Parts, summarised: bool) -> None:
    """Print how many parts are finished, of all shards."""
    names = [task.name for task in ready.plan.tasks()]
    finished = parts.count(names)
    say(f"{finished} of {len(names)} parts are finished; when all are, run without --shard for the report.")
    if summarised:
        document({"format": FORMAT, "finished": finished, "parts": len(names)})


def _pass_gate(plan: Plan, measured: Measurements) -> None:
    """Compare the losses of inversions in a lower precision with those in float32; see :class:`Gate`."""
    gate = Gate()
    for pictures in plan.sets:
        for space in plan.spaces:
            figures = measured[pictures.name][space.name].figures
            if REDUCED_LOSS in figures:
                names = (f"{space.title}, {pictures.title.lower()} {index + 1}" for index in range(len(figures[LOSS])))
                gate.add(names, figures[LOSS].tolist(), figures[REDUCED_LOSS].tolist())
    gate.close()


def say_missing(missing: Mapping[str, str]) -> None:
    """Print what is not measured, and why: a note, because nothing has failed."""
    for name, why in missing.items():
        say(f"note: measured without {name}, because {why}.")
