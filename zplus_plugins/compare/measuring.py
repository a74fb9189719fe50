"""Pictures in one space: inverted, measured, and moved along edits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.compare.parts import Arrays
from zplus_plugins.compare.plan import Edit, Instruments, Plan
from zplus_plugins.directions import local_way, moved_along
from zplus_plugins.inversion import Inversion, Model, Point, Space, invert
from zplus_plugins.inversion.inverter import OnStep

IDENTITY = "identity"
EDIT_FIGURES = ("identity_input", "identity_own", "change", "leakage")


def inverted(
    plan: Plan, model: Model, instruments: Instruments, space: Space, targets: Tensor, on_step: OnStep
) -> Inversion:
    """Pictures (B, 3, R, R) in a space, with the plan's losses and steps; F starts where the instruments say."""
    torch.manual_seed(plan.seed)
    f = instruments.encode(targets) if instruments.encode is not None and space.with_f else None
    return invert(model, space, targets, plan.settings, likeness=instruments.likeness, f=f, on_step=on_step)


def figures_of(instruments: Instruments, model: Model, point: Point, pictures: Tensor, targets: Tensor) -> Arrays:
    """Figures (B,) of reconstructions, by name; identity is the similarity to the targets."""
    figures = {name: _numbers(figure(pictures, targets)) for name, figure in instruments.figures.items()}
    if instruments.identity is not None:
        figures[IDENTITY] = _similarity(instruments.identity(pictures), instruments.identity(targets))
    if instruments.nscd is not None:
        figures["nscd"] = _numbers(instruments.nscd(model, point))
    return figures


def mover(plan: Plan, model: Model, point: Point, edit: Edit) -> Callable[[float], Point]:
    """Where a strength of an edit leads."""
    z, w = edit.z.to(point.code), edit.w.to(point.code)
    if point.space.kind != "z" or plan.way == "global":
        return partial(model.moved, point, z, w)
    with torch.enable_grad():
        return partial(moved_along, point, local_way(model, point, w))


class EditMeasure:
    """What is measured of edited pictures, against the targets and their own reconstructions.

    Args:
        instruments: that measure.
        own: reconstructions (B, 3, R, R).
        targets: of the same.

    Attributes:
        names: of the figures that these instruments can give.
    """

    def __init__(self, instruments: Instruments, own: Tensor, targets: Tensor) -> None:
        self._identity, self._instruments = instruments.identity, instruments
        self._identities = [] if self._identity is None else [self._identity(targets), self._identity(own)]
        self._before = None if instruments.attributes is None else instruments.attributes(own)
        self.names = (EDIT_FIGURES[:2] if self._identity else ()) + (EDIT_FIGURES[2:] if instruments.attributes else ())

    def __call__(self, edited: Tensor, edit: Edit) -> Arrays:
        """Figures (B,) by name; those of the attribute only if the edit has one."""
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


def _similarity(a: Tensor, b: Tensor) -> np.ndarray:
    return _numbers((a * b).sum(dim=1))


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()
