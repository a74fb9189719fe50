"""Measure the limits of a comparison's codes, part by part, beside the comparison's own parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from zplus_plugins.compare.limits.composites import STRENGTHS, Composites
from zplus_plugins.compare.limits.findings import Limits
from zplus_plugins.compare.limits.instruments import Instruments, instruments
from zplus_plugins.compare.limits.part import RADII, SHARES, WALKS, LimitsWork, Task
from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.running import telling_what_is_kept
from zplus_plugins.compare.work.part import CODE, F_CODE
from zplus_plugins.compare.work.parts import Arrays, Parts
from zplus_plugins.compare.work.plan import Task as PartTask
from zplus_plugins.execution.executors import executor_for
from zplus_plugins.execution.tasks import Task as Sent
from zplus_plugins.execution.tasks import raise_for, run_tasks
from zplus_plugins.portraits import sample
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED
from zplus_plugins.system.console import bar, say
from zplus_plugins.system.results import Results

FOLDER = "limits"


@dataclass(frozen=True)
class Wanted:
    """What is to be measured.

    Attributes:
        composites: the edits.
        instruments: what measures them.
    """

    composites: Composites
    instruments: Instruments

    @property
    def missing(self) -> dict[str, str]:
        """What is left out, and why."""
        return {**self.composites.missing, **self.instruments.missing}

    @property
    def settings(self) -> dict[str, str]:
        """Everything on which a part depends beyond the comparison's own settings."""
        return {
            "limits' directions": ", ".join(edit.name for edit in self.composites.edits),
            "limits' strengths": " ".join(map(str, STRENGTHS)),
            "limits' moves": f"interpolation {SHARES}, walks {WALKS} x {RADII}",
            **{f"limits' {name}": text for name, text in self.instruments.about.items()},
        }


def wanted(ready: Prepared, second_eyes: Path | None) -> Wanted:
    """What is to be measured, before anything is inverted.

    Args:
        ready: the comparison, of drawn portraits.
        second_eyes: as for :func:`~zplus_plugins.compare.limits.instruments.instruments`.

    Raises:
        UsageError: there are not enough directions.
        RequirementError: the file of the second eyes cannot be used.
    """
    return Wanted(Composites(ready.plan.edits), instruments(second_eyes))


def measured(ready: Prepared, what: Wanted, of_comparison: Parts, out: Path, overwrite: bool = False) -> Limits:
    """Measure all parts that are not finished, and join them; the first set of portraits only, the held-out ones.

    Args:
        ready: the comparison, all of whose parts are finished.
        what: is measured.
        of_comparison: these parts, with the codes.
        out: the comparison's folder; finished parts are stored in its folder ``limits``.
        overwrite: discard these, and start again.

    Raises:
        UsageError: there are parts with other settings.
        RequirementError: a part cannot be written.
    """
    work = LimitsWork(ready.plan.without_pictures(), ready.model, ready.instruments, what.composites, what.instruments)
    settings = {**ready.plan.identified(ready.model, ready.instruments), **what.settings}
    found: dict[str, Arrays] = {}
    with Results(out / FOLDER, overwrite) as kept:
        parts = Parts(kept, settings, overwrite)
        tasks = list(_tasks(ready))
        left = [task for task in tasks if not parts.is_finished(task.name)]
        _say_lost_codes(left, of_comparison)

        def keep(task: Sent[Task], arrays: Arrays) -> None:
            parts.save(task.name, arrays)

        if left:
            sent = (Sent(task.name, _with_codes(ready, task, of_comparison)) for task in left)
            with bar(len(left) * work.steps, "step", "limits") as shown:
                workers = min(ready.share.workers, len(left))
                threads = torch.get_num_threads()
                with (
                    telling_what_is_kept(parts, [task.name for task in tasks], shown),
                    executor_for(work, ready.on, workers, threads, ready.share.gpus) as executor,
                ):
                    raise_for(run_tasks(executor, sent, keep, lambda what, by: shown.update(by)))
        for task in tasks:
            arrays = parts.load(task.name)
            assert arrays is not None  # it was just kept
            found[task.name] = arrays
    return Limits(what.composites, what.instruments, joined(ready, found))


def joined(ready: Prepared, found: Mapping[str, Arrays]) -> dict[str, Arrays]:
    """The arrays of all parts of each space, one after the other."""
    whole: dict[str, list[Arrays]] = {space.name: [] for space in ready.plan.spaces}
    for task in _tasks(ready):
        whole[task.space.name].append(found[task.name])
    return {
        space: {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        for space, parts in whole.items()
    }


def _tasks(ready: Prepared) -> Iterator[PartTask]:
    return (task for task in ready.plan.tasks() if task.pictures is ready.plan.sets[0])


def _with_codes(ready: Prepared, task: PartTask, of_comparison: Parts) -> Task:
    plan = ready.plan
    first, targets = task.batch * plan.batch, task.targets(plan.batch).clone()
    attributes = sample(len(task.pictures.pictures), HELD_OUT_SEED + plan.seed)[first : first + len(targets)]
    part = of_comparison.load(task.name) or {}
    code = {name: part[name] for name in (CODE, F_CODE) if name in part}
    what = f"limits of {task.space.title}, portraits {first + 1} to {first + len(targets)}"
    return Task(task.name, what, task.space, targets, attributes.clone(), first, code)


def _say_lost_codes(left: list[PartTask], of_comparison: Parts) -> None:
    lost = sum(CODE not in (of_comparison.load(task.name) or {}) for task in left)
    if lost:
        say(f"{lost} parts were made before parts kept their codes: their portraits are inverted again.")
