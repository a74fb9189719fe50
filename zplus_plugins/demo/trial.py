"""One image inverted into one space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.work.measuring import Measure, inverted
from zplus_plugins.execution.progress import LossText
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.inversion import Point, Space
from zplus_plugins.inversion.batches import about
from zplus_plugins.inversion.inverter import Step
from zplus_plugins.inversion.record import PointRecord


@dataclass(frozen=True)
class Attempt:
    """The inversion of the image into one space.

    Attributes:
        space: the space.
        point: the codes.
        record: the record of the codes.
        picture: the reconstruction, (1, 3, R, R).
        figures: metrics of the reconstruction, by name.
        seconds: duration of the inversion.
        sphere_error: largest ``| |z_i| - radius |`` after any step; None in W+.
    """

    space: Space
    point: Point
    record: PointRecord
    picture: Tensor
    figures: dict[str, float]
    seconds: float
    sphere_error: float | None


def attempt(ready: Prepared, space: Space, advance: Callable[[str, int], object]) -> Attempt:
    """Invert the only image of the plan, and measure its reconstruction.

    Args:
        ready: plan, model and instruments.
        space: the space to invert into.
        advance: called after each step with a text for the bar and 1.

    Raises:
        RecordError: the inversion ended in codes that are not finite.
    """
    plan, model, instruments = ready.plan, ready.model, ready.instruments
    target = plan.sets[0].pictures[:].to(model.generator.w_mean)
    text = LossText(space.title)
    largest: Tensor | None = None  # on its device: to read it after every step would wait for it

    def follow(step: Step) -> None:
        nonlocal largest
        if isinstance(step.point.code, SphericalLatent):
            error = step.point.code.sphere_error()
            largest = error if largest is None else torch.maximum(error, largest)
        advance(text(step.losses), 1)

    found = inverted(plan, model, instruments, space, target, follow)
    with torch.no_grad():
        picture = model.pictures(found.point)
        record = PointRecord.of(model, found.point, about(plan.settings, target[0], picture[0], float(found.losses)))
        measured = Measure(instruments, picture, target).reconstructions(model, found.point)
    return Attempt(
        space,
        found.point,
        record,
        picture,
        {name: values.item() for name, values in measured.items()},
        found.seconds * plan.settings.steps,
        None if largest is None else float(largest),
    )
