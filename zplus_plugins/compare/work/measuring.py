"""Invert images into one space, measure them, and edit them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.compare.work.parts import Arrays
from zplus_plugins.compare.work.plan import Edit, Instruments, Plan
from zplus_plugins.directions import Pursuit
from zplus_plugins.inversion import Inversion, Model, Point, Space, invert
from zplus_plugins.inversion.inverter import OnStep

IDENTITY = "identity"
EDIT_FIGURES = ("identity_input", "identity_own", "change", "leakage")


def inverted(
    plan: Plan, model: Model, instruments: Instruments, space: Space, targets: Tensor, on_step: OnStep
) -> Inversion:
    """Invert images (B, 3, R, R) into a space, with the plan's losses and steps, and the instruments' start of F."""
    torch.manual_seed(plan.seed)
    f = instruments.encode(targets) if instruments.encode is not None and space.with_f else None
    return invert(
        model, space, targets, plan.settings, likeness=instruments.likeness, f=f, on_step=on_step, graph=plan.graph
    )


def mover(plan: Plan, model: Model, point: Point, edit: Edit) -> Callable[[float], Point]:
    """A function from the strength of an edit to the edited point."""
    z, w = edit.z.to(point.code), edit.w.to(point.code)
    if point.space.kind != "z" or plan.way == "global":
        return partial(model.moved, point, z, w)
    return Pursuit(model, point, w)


class Measure:
    """Measures reconstructions and their edits.

    Args:
        instruments: the metrics to use.
        own: reconstructions (B, 3, R, R).
        targets: their targets.

    Attributes:
        of_edits: names of the metrics of edits that the instruments support.
    """

    def __init__(self, instruments: Instruments, own: Tensor, targets: Tensor) -> None:
        self._instruments, self._own, self._targets = instruments, own, targets
        self._before, self._wanted = instruments.look(own), instruments.look(targets)
        of_attributes = self._before.attributes is not None and instruments.change and instruments.leakage
        of_identity = self._before.identity is not None
        self.of_edits = (EDIT_FIGURES[:2] if of_identity else ()) + (EDIT_FIGURES[2:] if of_attributes else ())

    def reconstructions(self, model: Model, point: Point) -> Arrays:
        """Metrics (B,) of the reconstructions and their codes, by name; identity is the similarity to the targets."""
        instruments, own, wanted = self._instruments, self._before.identity, self._wanted.identity
        figures = {name: _numbers(figure(self._own, self._targets)) for name, figure in instruments.figures.items()}
        if own is not None and wanted is not None:
            figures[IDENTITY] = _similarity(own, wanted)
        if instruments.nscd is not None:
            figures["nscd"] = _numbers(instruments.nscd(model, point))
        return figures

    def edited(self, pictures: Tensor, edit: Edit) -> Arrays:
        """Metrics (B,) of edited images by name; those of the attribute only if the edit has one."""
        figures, i, before, after = {}, self._instruments, self._before, self._instruments.look(pictures)
        for name, other in zip(EDIT_FIGURES, (self._wanted.identity, before.identity), strict=False):
            if after.identity is not None and other is not None:
                figures[name] = _similarity(after.identity, other)
        if edit.attribute is None or before.attributes is None or after.attributes is None:
            return figures
        if i.change and i.leakage:
            figures["change"] = _numbers(i.change(before.attributes, after.attributes, edit.attribute))
            figures["leakage"] = _numbers(i.leakage(before.attributes, after.attributes, edit.attribute))
        return figures


def _similarity(a: Tensor, b: Tensor) -> np.ndarray:
    return _numbers((a * b).sum(dim=1))


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()
