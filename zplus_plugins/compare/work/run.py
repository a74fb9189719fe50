"""Run a comparison: every space on the same pictures, with the same losses and steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from zplus_plugins.compare.work.part import EDIT, FIGURE, PICTURES, SECONDS, Advance
from zplus_plugins.compare.work.parts import Arrays, Parts
from zplus_plugins.compare.work.plan import Instruments, Plan, Task
from zplus_plugins.compare.work.workers import work
from zplus_plugins.inversion import Model


@dataclass(frozen=True)
class Measured:
    """One space on one set of pictures.

    Attributes:
        figures: of each reconstruction, (n,), by name.
        edits: of each edited picture, (n, D, S) for D directions and S strengths, by name: ``identity_input``, the
            similarity to the target; ``identity_own``, to the own reconstruction; ``change`` of the wanted attribute
            and ``leakage`` to others, against the own reconstruction. NaN where a direction has no attribute.
        seconds: of one step for one picture; not the same the next time.
        reconstructed: of the first k pictures, (k, c, c, 3) bytes.
        edited: of the same, (k, D, S, c, c, 3) bytes.
    """

    figures: Arrays
    edits: Arrays
    seconds: float
    reconstructed: np.ndarray
    edited: np.ndarray


Results = dict[str, dict[str, Measured]]


def compare(
    plan: Plan, model: Model, instruments: Instruments, parts: Parts, advance: Advance, workers: int = 1
) -> Results:
    """What each space makes of each set of pictures: {set: {space: measured}}.

    Args:
        plan: what to do.
        model: the generator.
        instruments: that measure.
        parts: finished ones are not done again.
        advance: called with what has been worked at and by how many steps it went on, of :attr:`Plan.steps` a task.
        workers: processes among which the parts are shared, each with as many threads as this one has, so that the
            numbers do not depend on it. Plan, model and instruments are pickled for them, and a script that asks for
            several must do its work under ``if __name__ == "__main__":``.

    Raises:
        LatentError: an inversion ended in numbers that are not finite.
        RequirementError: a part cannot be written, or a process was ended from outside.
    """
    found: dict[str, Arrays] = {}
    missing: list[Task] = []
    for task in plan.tasks():
        before = parts.load(task.name)
        if before is None:
            missing.append(task)
        else:
            found[task.name] = before
            advance(f"{task.space.title}: done before", plan.steps)

    def keep(task: Task, arrays: Arrays) -> None:
        parts.save(task.name, arrays)
        found[task.name] = arrays

    work(plan, model, instruments, missing, keep, advance, workers)
    whole: dict[str, dict[str, list[Arrays]]] = {s.name: {space.name: [] for space in plan.spaces} for s in plan.sets}
    for task in plan.tasks():
        whole[task.pictures.name][task.space.name].append(found[task.name])
    return {name: {space: _joined(several) for space, several in spaces.items()} for name, spaces in whole.items()}


def _joined(parts: list[Arrays]) -> Measured:
    """Batches of one space, one after another; a part without pictures to show adds none."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    sizes = [len(next(values for name, values in part.items() if name.startswith(FIGURE))) for part in parts]
    return Measured(
        figures={name.removeprefix(FIGURE): v for name, v in whole.items() if name.startswith(FIGURE)},
        edits={name.removeprefix(EDIT): v for name, v in whole.items() if name.startswith(EDIT)},
        seconds=float(whole[SECONDS].sum() / sum(sizes)),
        **{name: whole[name] for name in PICTURES},
    )
