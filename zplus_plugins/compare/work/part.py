"""One part of a comparison: a batch of images in one space, inverted, edited and measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.compare.work.measuring import Measure, inverted, mover
from zplus_plugins.compare.work.parts import Arrays
from zplus_plugins.compare.work.plan import LARGEST_SHOWN, Instruments, Plan, Task
from zplus_plugins.errors import LatentError
from zplus_plugins.execution.progress import LossText
from zplus_plugins.inversion import Model, Point
from zplus_plugins.system.picture_file import levels

SECONDS = "seconds"
FIGURE, EDIT = "figure ", "edit "
"""Prefixes of the names of a part's arrays: metrics of reconstructions, (B,), and of edits, (B, edits, strengths)."""
PICTURES = ("reconstructed", "edited")
CODE, F_CODE = "code", "f"
"""The codes found, (B, L, D), and their F, (B, C, r, r), if there is one; parts of older versions have neither."""
LOSS, REDUCED_LOSS = "loss", "loss_bf16"
"""Metrics of inversions in a lower precision: the loss of the codes found, in float32 and in the steps' precision."""
Advance = Callable[[str, int], None]


@dataclass(frozen=True)
class PartWork:
    """The work of an executor: from a task to the arrays of its part."""

    plan: Plan
    model: Model
    instruments: Instruments

    def __call__(self, task: Task, advance: Advance) -> Arrays:
        return made(self.plan, task, self.model, self.instruments, advance)


def made(plan: Plan, task: Task, model: Model, instruments: Instruments, advance: Advance) -> Arrays:
    """Compute a part: its arrays by name.

    Args:
        plan, task: what to do.
        model: the generator.
        instruments: metrics and losses.
        advance: called with a description of the task and the number of steps just done, out of :attr:`Plan.steps`.

    Raises:
        LatentError: the inversion ended in codes that are not finite.
    """
    first = task.batch * plan.batch
    targets = task.targets(plan.batch).to(model.generator.w_mean)
    shown = min(max(plan.shown - first, 0), len(targets))
    what = f"{task.space.title}, {task.pictures.title.lower()} {first + 1} to {first + len(targets)}"
    text = LossText(what)
    found = inverted(plan, model, instruments, task.space, targets, lambda step: advance(text(step.losses), 1))
    _require_finite(found.point, what)
    with torch.no_grad():
        pictures = model.pictures(found.point)
        measure = Measure(instruments, pictures, targets)
        measured = measure.reconstructions(model, found.point)
        arrays = {f"{FIGURE}{name}": values for name, values in measured.items()}
        if found.reduced_losses is not None:
            losses = {LOSS: found.losses, REDUCED_LOSS: found.reduced_losses}
            arrays |= {f"{FIGURE}{name}": values.double().cpu().numpy() for name, values in losses.items()}
        arrays |= _edited(plan, model, measure, found.point, pictures, shown, lambda: advance(what, 1))
    arrays["reconstructed"] = as_bytes(pictures[:shown])
    arrays |= {
        name: t.cpu().numpy() for name, t in ((CODE, found.point.code), (F_CODE, found.point.f)) if t is not None
    }
    arrays[SECONDS] = np.array([found.seconds])
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
    """Metrics (B, edits, strengths) of all edits, and the edited images of the first ``shown``."""
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
    return {**{f"{EDIT}{name}": values for name, values in figures.items()}, "edited": pictures}


def as_bytes(pictures: Tensor) -> np.ndarray:
    """Images (B, 3, R, R) in [-1, 1] as bytes (B, c, c, 3), with c at most ``LARGEST_SHOWN``."""
    if pictures.shape[-1] > LARGEST_SHOWN:
        pictures = F.interpolate(pictures, size=LARGEST_SHOWN, mode="area")
    return levels(pictures).byte().permute(0, 2, 3, 1).contiguous().numpy()


def _require_finite(point: Point, what: str) -> None:
    whole = point.code.isfinite().all() and (point.f is None or point.f.isfinite().all())
    if not whole:
        raise LatentError(
            f"The inversion into {what} ended in codes that are not finite. Check the generator and the images, or "
            "leave this space out with --spaces."
        )
