"""Run a comparison: every space on the same images, with the same losses and number of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from zplus_plugins.compare.work.part import CODE, EDIT, F_CODE, FIGURE, PICTURES, SECONDS, Advance, PartWork
from zplus_plugins.compare.work.parts import Arrays, Parts
from zplus_plugins.compare.work.plan import Instruments, Plan, Task
from zplus_plugins.execution.executors import executor_for
from zplus_plugins.execution.tasks import Task as Sent
from zplus_plugins.execution.tasks import raise_for, run_tasks
from zplus_plugins.inversion import Model


@dataclass(frozen=True)
class Measured:
    """The results of one space on one set of images.

    Attributes:
        figures: metrics of each reconstruction, (B,), by name.
        edits: metrics of each edited image, (B, edits, strengths), by name: ``identity_input``, the similarity to the
            target; ``identity_own``, the similarity to the unedited reconstruction; ``change`` of the target attribute
            and ``leakage`` to others, relative to the unedited reconstruction. NaN for directions without attribute.
        seconds: time of one step per image; varies between runs.
        reconstructed: the first k reconstructions, (k, c, c, 3) bytes.
        edited: their edits, (k, edits, strengths, c, c, 3) bytes.
    """

    figures: Arrays
    edits: Arrays
    seconds: float
    reconstructed: np.ndarray
    edited: np.ndarray


Results = dict[str, dict[str, Measured]]


def compare(
    plan: Plan,
    model: Model,
    instruments: Instruments,
    parts: Parts,
    advance: Advance,
    workers: int = 1,
    gpus: Sequence[str] = (),
    on: str | None = None,
) -> Results:
    """Run a comparison and return {set: {space: measured}}; arguments and errors as for :func:`compute`."""
    return joined(plan, compute(plan, list(plan.tasks()), model, instruments, parts, advance, workers, gpus, on))


def compute(
    plan: Plan,
    tasks: Sequence[Task],
    model: Model,
    instruments: Instruments,
    parts: Parts,
    advance: Advance,
    workers: int = 1,
    gpus: Sequence[str] = (),
    on: str | None = None,
) -> dict[str, Arrays]:
    """Compute parts of a comparison, as far as they are not finished, and return their arrays by name.

    Args:
        plan: what to compare.
        tasks: of the plan.
        model: the generator.
        instruments: metrics and losses.
        parts: finished parts, which are not computed again.
        advance: called with a description of a task and the number of steps just done, out of :attr:`Plan.steps`;
            negative if they are done again.
        workers: number of processes that share the parts, each with as many threads as this one, so that results do
            not depend on it. Plan, model and instruments are pickled for them, and a script that uses several must have
            its entry point under ``if __name__ == "__main__":``.
        gpus, on: as for :func:`~zplus_plugins.execution.executors.executor_for`.

    Raises:
        LatentError: an inversion ended in codes that are not finite; the other parts are finished.
        RequirementError: a part cannot be written, or three processes died at it, or those of a cluster are gone.
    """
    found: dict[str, Arrays] = {}
    missing: list[Task] = []
    for task in tasks:
        before = parts.load(task.name)
        if before is None:
            missing.append(task)
        else:
            found[task.name] = before
            advance(f"{task.space.title}: finished earlier", plan.steps)

    def keep(task: Sent[Task], arrays: Arrays) -> None:
        parts.save(task.name, arrays)
        found[task.name] = arrays

    if missing:
        sent = (Sent(task.name, task.alone(plan.batch)) for task in missing)
        each = PartWork(plan.without_pictures(), model, instruments)
        with executor_for(each, on, min(workers, len(missing)), torch.get_num_threads(), gpus) as executor:
            raise_for(run_tasks(executor, sent, keep, advance))
    return found


def joined(plan: Plan, found: Mapping[str, Arrays]) -> Results:
    """The results of a comparison, all of whose parts are finished: {set: {space: measured}}."""
    whole: dict[str, dict[str, list[Arrays]]] = {s.name: {space.name: [] for space in plan.spaces} for s in plan.sets}
    for task in plan.tasks():
        whole[task.pictures.name][task.space.name].append(found[task.name])
    return {name: {space: _joined(several) for space, several in spaces.items()} for name, spaces in whole.items()}


def _joined(parts: list[Arrays]) -> Measured:
    """Concatenate the batches of one space; parts without images to show add none."""
    names = [name for name in parts[0] if name not in (CODE, F_CODE)]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in names}
    sizes = [len(next(values for name, values in part.items() if name.startswith(FIGURE))) for part in parts]
    return Measured(
        figures={name.removeprefix(FIGURE): v for name, v in whole.items() if name.startswith(FIGURE)},
        edits={name.removeprefix(EDIT): v for name, v in whole.items() if name.startswith(EDIT)},
        seconds=float(whole[SECONDS].sum() / sum(sizes)),
        **{name: whole[name] for name in PICTURES},
    )
