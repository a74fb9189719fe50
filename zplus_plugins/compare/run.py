"""Run a comparison: every space on the same pictures, with the same losses and steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.compare.parts import Arrays, Parts
from zplus_plugins.compare.plan import LARGEST_SHOWN, Edit, Instruments, Plan, Task
from zplus_plugins.directions import local_way, moved_along
from zplus_plugins.errors import LatentError
from zplus_plugins.inversion import Model, Point, invert

Advance = Callable[[str, int], None]
_SECONDS = "seconds"
_PICTURES = ("reconstructed", "edited")
IDENTITY = "identity"
EDIT_FIGURES = ("identity_input", "identity_own", "change", "leakage")


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
    torch.manual_seed(plan.seed)
    f = instruments.encode(targets) if instruments.encode is not None and task.space.with_f else None
    found = invert(
        model,
        task.space,
        targets,
        plan.settings,
        likeness=instruments.likeness,
        f=f,
        on_step=lambda step: advance(what, 1),
    )
    _require_finite(found.point, what)
    with torch.no_grad():
        pictures = model.pictures(found.point)
        arrays = _figures(instruments, model, found.point, pictures, targets)
        arrays |= _edited(plan, model, instruments, found.point, pictures, targets, shown, lambda: advance(what, 1))
    arrays["reconstructed"] = as_bytes(pictures[:shown])
    arrays[_SECONDS] = np.array([found.seconds])
    return arrays


def _figures(
    instruments: Instruments, model: Model, point: Point, pictures: Tensor, targets: Tensor
) -> dict[str, np.ndarray]:
    figures = {name: _numbers(figure(pictures, targets)) for name, figure in instruments.figures.items()}
    if instruments.identity is not None:
        figures[IDENTITY] = _similarity(instruments.identity(pictures), instruments.identity(targets))
    if instruments.nscd is not None:
        figures["nscd"] = _numbers(instruments.nscd(model, point))
    return {f"figure {name}": values for name, values in figures.items()}


def _edited(
    plan: Plan,
    model: Model,
    instruments: Instruments,
    point: Point,
    own: Tensor,
    targets: Tensor,
    shown: int,
    advance: Callable[[], None],
) -> Arrays:
    """Figures (B, D, S) of all edits, and the pictures of the first ones."""
    measure = _EditMeasure(instruments, own, targets)
    shape = (len(plan.edits), len(plan.strengths))
    figures = {name: np.full((len(own), *shape), np.nan) for name in measure.names if plan.edits}
    pictures = np.zeros((shown, *shape, *as_bytes(own[:1]).shape[1:]), np.uint8)
    for d, edit in enumerate(plan.edits):
        move = _mover(plan, model, point, edit)
        for s, strength in enumerate(plan.strengths):
            edited = own if strength == 0 else model.pictures(move(strength))
            for name, values in measure(edited, edit).items():
                figures[name][:, d, s] = values
            pictures[:, d, s] = as_bytes(edited[:shown])
            advance()
    return {**{f"edit {name}": values for name, values in figures.items()}, "edited": pictures}


def _mover(plan: Plan, model: Model, point: Point, edit: Edit) -> Callable[[float], Point]:
    """Where a strength of an edit leads."""
    z, w = edit.z.to(point.code), edit.w.to(point.code)
    if point.space.kind != "z" or plan.way == "global":
        return partial(model.moved, point, z, w)
    with torch.enable_grad():
        return partial(moved_along, point, local_way(model, point, w))


class _EditMeasure:
    """What is measured of edited pictures, against the targets and their own reconstructions."""

    def __init__(self, instruments: Instruments, own: Tensor, targets: Tensor) -> None:
        self._identity, self._instruments = instruments.identity, instruments
        self._identities = [] if self._identity is None else [self._identity(targets), self._identity(own)]
        self._before = None if instruments.attributes is None else instruments.attributes(own)
        self.names = (EDIT_FIGURES[:2] if self._identity else ()) + (EDIT_FIGURES[2:] if instruments.attributes else ())

    def __call__(self, edited: Tensor, edit: Edit) -> dict[str, np.ndarray]:
        figures = {}
        if self._identity is not None:
            identity = self._identity(edited)
            for name, other in zip(EDIT_FIGURES, self._identities, strict=False):
                figures[name] = _similarity(identity, other)
        i = self._instruments
        if edit.attribute is not None and i.attributes and i.change and i.leakage and self._before is not None:
            after = i.attributes(edited)
            figures["change"] = _numbers(i.change(self._before, after, edit.attribute))
            figures["leakage"] = _numbers(i.leakage(self._before, after, edit.attribute))
        return figures


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


def _similarity(a: Tensor, b: Tensor) -> np.ndarray:
    return _numbers((a * b).sum(dim=1))


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()


def _require_finite(point: Point, what: str) -> None:
    whole = point.code.isfinite().all() and (point.f is None or point.f.isfinite().all())
    if not whole:
        raise LatentError(
            f"The inversion into {what} ended in codes that are not finite. Check the generator and the pictures, or "
            "leave this space out with --spaces."
        )
