"""One image in several spaces: inverted, measured, and edited so that the attribute changes equally in all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.statistics.edits import LEAST, SIDES, at_equal_change
from zplus_plugins.compare.work.measuring import Measure, inverted, mover
from zplus_plugins.execution.progress import LossText
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.inversion import Point, Space
from zplus_plugins.inversion.batches import about
from zplus_plugins.inversion.inverter import Step
from zplus_plugins.inversion.record import PointRecord

EDITS = {
    "smile": ("serious", "smiling"),
    "age": ("younger", "older"),
    "glasses": ("without glasses", "with glasses"),
    "hair_light": ("darker hair", "lighter hair"),
    "hair_length": ("shorter hair", "longer hair"),
    "yaw": ("turned left", "turned right"),
}
"""Directions in the order of display, with titles for less and for more of the attribute."""
MOST = 4
"""The number of edits shown."""
_ENOUGH = 1 - 1e-9  # relative to a change: one space reaches it exactly, up to rounding
_PRECISION = 1e-3  # of strengths


@dataclass(frozen=True)
class Attempt:
    """The inversion of the image into one space.

    Attributes:
        space: the space.
        record: the record of the codes.
        picture: the reconstruction, (1, 3, R, R).
        figures: metrics of the reconstruction, by name.
        seconds: duration of the inversion.
        movers: for each edit, a function from strength to the edited point.
        measure: measures the image and its edits.
        changes: change of the target attribute for each edit and strength of the plan, (edits, strengths).
        sphere_error: largest ``| |z_i| - radius |`` after any step; None in W+.
    """

    space: Space
    record: PointRecord
    picture: Tensor
    figures: dict[str, float]
    seconds: float
    movers: list[Callable[[float], Point]]
    measure: Measure
    changes: np.ndarray
    sphere_error: float | None


@dataclass(frozen=True)
class Edited:
    """An edited image (1, 3, R, R), its strength, and its metrics by name."""

    strength: float
    picture: Tensor
    figures: dict[str, float]


@dataclass(frozen=True)
class EqualEdit:
    """One edit: the name of its direction, its title, and the edited image in each space."""

    name: str
    title: str
    spaces: dict[str, Edited]


def attempt(ready: Prepared, space: Space, advance: Callable[[str, int], object]) -> Attempt:
    """Invert the only image of the plan, and measure each edit.

    Args:
        ready: plan, model and instruments.
        space: the space to invert into.
        advance: called with a text for the bar and the number of steps just done, out of
            :attr:`~zplus_plugins.compare.Plan.steps`.

    Raises:
        RecordError: the inversion ended in codes that are not finite.
    """
    plan, model, instruments = ready.plan, ready.model, ready.instruments
    target = plan.sets[0].pictures[:].to(model.generator.w_mean)
    text = LossText(space.title)
    furthest: list[Tensor] = []

    def follow(step: Step) -> None:
        if isinstance(step.point.code, SphericalLatent):
            error = step.point.code.sphere_error()
            furthest[:] = [torch.maximum(error, *furthest) if furthest else error]
        advance(text(step.losses), 1)

    found = inverted(plan, model, instruments, space, target, follow)
    with torch.no_grad():
        picture = model.pictures(found.point)
        record = PointRecord.of(model, found.point, about(plan.settings, target[0], picture[0], float(found.losses)))
        measure = Measure(instruments, picture, target)
        figures = _numbers(measure.reconstructions(model, found.point))
        movers = [mover(plan, model, found.point, edit) for edit in plan.edits]
        changes = np.zeros((len(plan.edits), len(plan.strengths)))
        for d, edit in enumerate(plan.edits):
            for s, strength in enumerate(plan.strengths):
                changes[d, s] = measure.edited(model.pictures(movers[d](strength)), edit)["change"].item()
                advance(f"{space.title}, edits", 1)
    seconds = found.seconds * plan.settings.steps
    sphere_error = float(furthest[0]) if furthest else None
    return Attempt(space, record, picture, figures, seconds, movers, measure, changes, sphere_error)


def equal_edits(ready: Prepared, attempts: Sequence[Attempt]) -> tuple[list[EqualEdit], list[str]]:
    """Edits at the largest change that all spaces reach, each on the side where that is larger.

    Returns:
        The first :data:`MOST` edits, and sentences about those left out because the attribute hardly changes.
    """
    plan = ready.plan
    equal = at_equal_change({a.space.name: {"change": a.changes[None]} for a in attempts}, plan.strengths)
    edits: list[EqualEdit] = []
    left_out: list[str] = []
    for d, edit in enumerate(plan.edits):
        if len(edits) == MOST:
            break
        if np.isnan(equal.reach[d]).all():
            left_out.append(
                f"{edit.name} is not shown: in at least one space, it changes by less than {LEAST:.0%} of its range in "
                "either direction."
            )
            continue
        side = int(np.nanargmax(equal.reach[d]))
        change = SIDES[side] * float(equal.reach[d, side])
        near = {space: float(strengths[d, side, -1]) for space, strengths in equal.strengths.items()}
        spaces = {a.space.name: _edited(ready, a, d, change, near[a.space.name]) for a in attempts}
        edits.append(EqualEdit(edit.name, EDITS[edit.name][side], spaces))
    return edits, left_out


@torch.no_grad()
def _edited(ready: Prepared, attempt: Attempt, index: int, change: float, near: float) -> Edited:
    """The edit that produces this change, searched between the two strengths of the plan on either side of ``near``."""
    edit = ready.plan.edits[index]

    def made(strength: float) -> tuple[Tensor, dict[str, float]]:
        picture = ready.model.pictures(attempt.movers[index](strength))
        return picture, _numbers(attempt.measure.edited(picture, edit))

    def beyond(strength: float) -> float:
        return made(strength)[1]["change"] / change - _ENOUGH

    reached = sorted((s for s in ready.plan.strengths if s * near >= 0), key=abs)
    after = next(i for i, s in enumerate(reached) if abs(s) >= abs(near) * _ENOUGH)
    strength = brentq(beyond, reached[after - 1], reached[after], xtol=_PRECISION)
    return Edited(strength, *made(strength))


def _numbers(figures: dict[str, np.ndarray]) -> dict[str, float]:
    return {name: values.item() for name, values in figures.items()}
