"""Run a comparison: every space on the same pictures, with the same losses and steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.compare.measuring import Measure, inverted, mover
from zplus_plugins.compare.parts import Arrays, Parts
from zplus_plugins.compare.plan import LARGEST_SHOWN, Instruments, Plan, Task
from zplus_plugins.errors import LatentError
from zplus_plugins.inversion import Model, Point

Advance = Callable[[str, int], None]
_SECONDS = "seconds"
_PICTURES = ("reconstructed", "edited")


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


def compare(plan: Plan, model: Model, instruments: Instruments, parts: Parts, advance: Advance) -> Results:
    """What each space makes of each set of pictures: {set: {space: measured}}.

    Args:
        plan: what to do.
        model: the generator.
        instruments: that measure.
        parts: finished ones are not done again.
        advance: called with what has been worked at and by how many steps it went on; see :func:`steps_of`.

    Raises:
        LatentError: an inversion ended in numbers that are not finite.
    """
    found: dict[str, dict[str, list[Arrays]]] = {s.name: {space.name: [] for space in plan.spaces} for s in plan.sets}
    for task in plan.tasks():
        arrays = parts.load(task.name)
        if arrays is None:
            arrays = _part(plan, task, model, instruments, advance)
            parts.save(task.name, arrays)
        else:
            advance(f"{task.space.title}: done before", steps_of(plan))
        found[task.pictures.name][task.space.name].append(arrays)
    return {name: {space: _joined(several) for space, several in spaces.items()} for name, spaces in found.items()}


def steps_of(plan: Plan) -> int:
    """Steps of one task: those of the optimizer, and one for each edit."""
    return plan.settings.steps + len(plan.edits) * len(plan.strengths)


def _part(plan: Plan, task: Task, model: Model, instruments: Instruments, advance: Advance) -> Arrays:
    first = task.batch * plan.batch
    targets = task.pictures.pictures[first : first + plan.batch].to(model.generator.const)
    shown = min(max(plan.shown - first, 0), len(targets))
    what = f"{task.space.title}, {task.pictures.title.lower()} {first + 1} to {first + len(targets)}"
    found = inverted(plan, model, instruments, task.space, targets, lambda step: advance(what, 1))
    _require_finite(found.point, what)
    with torch.no_grad():
        pictures = model.pictures(found.point)
        measure = Measure(instruments, pictures, targets)
        measured = measure.reconstructions(model, found.point)
        arrays = {f"figure {name}": values for name, values in measured.items()}
        arrays |= _edited(plan, model, measure, found.point, pictures, shown, lambda: advance(what, 1))
    arrays["reconstructed"] = as_bytes(pictures[:shown])
    arrays[_SECONDS] = np.array([found.seconds])
    return arrays


def _edited(
    plan: Plan,
    model: Model,
    measure: Measure,
    point: Point,
    own: Tensor,
    shown: int,
    advance: Callable[[], None],
) -> Arrays:
    """Figures (B, D, S) of all edits, and the pictures of the first ones."""
    shape = (len(plan.edits), len(plan.strengths))
    figures = {name: np.full((len(own), *shape), np.nan) for name in measure.of_edits if plan.edits}
    pictures = np.zeros((shown, *shape, *as_bytes(own[:1]).shape[1:]), np.uint8)
    for d, edit in enumerate(plan.edits):
        move = mover(plan, model, point, edit)
        for s, strength in enumerate(plan.strengths):
            edited = own if strength == 0 else model.pictures(move(strength))
            for name, values in measure.edited(edited, edit).items():
                figures[name][:, d, s] = values
            pictures[:, d, s] = as_bytes(edited[:shown])
            advance()
    return {**{f"edit {name}": values for name, values in figures.items()}, "edited": pictures}


def _joined(parts: list[Arrays]) -> Measured:
    """Batches of one space, one after another; a part without pictures to show adds none."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    sizes = [len(next(values for name, values in part.items() if name.startswith("figure "))) for part in parts]
    return Measured(
        figures={name.removeprefix("figure "): v for name, v in whole.items() if name.startswith("figure ")},
        edits={name.removeprefix("edit "): v for name, v in whole.items() if name.startswith("edit ")},
        seconds=float(whole[_SECONDS].sum() / sum(sizes)),
        **{name: whole[name] for name in _PICTURES},
    )


def as_bytes(pictures: Tensor) -> np.ndarray:
    """Pictures (B, 3, R, R) in [-1, 1] as bytes (B, c, c, 3), c at most ``LARGEST_SHOWN``."""
    if pictures.shape[-1] > LARGEST_SHOWN:
        pictures = F.interpolate(pictures, size=LARGEST_SHOWN, mode="area")
    shown = ((pictures.detach().cpu() + 1) * 127.5).round().clamp(0, 255).byte()
    return shown.permute(0, 2, 3, 1).contiguous().numpy()


def _require_finite(point: Point, what: str) -> None:
    whole = point.code.isfinite().all() and (point.f is None or point.f.isfinite().all())
    if not whole:
        raise LatentError(
            f"The inversion into {what} ended in codes that are not finite. Check the generator and the pictures, or "
            "leave this space out with --spaces."
        )
