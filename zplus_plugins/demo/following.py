"""Edits of one inversion, followed and measured: all candidates at once, and single ones at any strength."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.compare.prepare import Prepared
from zplus_plugins.compare.work.measuring import mover
from zplus_plugins.compare.work.plan import Edit
from zplus_plugins.demo.candidates import Candidate
from zplus_plugins.demo.choice import Curve
from zplus_plugins.demo.trial import Attempt
from zplus_plugins.errors import RequirementError
from zplus_plugins.metrics.realism import Realism
from zplus_plugins.spaces.model import Point

_AT_ONCE = 16


@dataclass(frozen=True)
class Edited:
    """An edited image (1, 3, R, R) and its figures.

    Attributes:
        strength: of the edit.
        picture: the image.
        change: of the attributes wanted; as shares of their ranges, on average.
        net_identity: similarity to the target, less that of the reconstruction, plus 1.
        realism: distance to drawn portraits, in units of the usual one; None if it was not measured.
    """

    strength: float
    picture: Tensor
    change: float
    net_identity: float
    realism: float | None = None


class Following:
    """Follows edits of an inversion.

    Args:
        ready: plan, model and instruments, which measure attributes and identity.
        attempt: the inversion.
        realism: of pictures.

    Attributes:
        realism: distance of the reconstruction to drawn portraits.

    Raises:
        RequirementError: the instruments do not measure attributes and identity, or a direction has no attribute.
    """

    def __init__(self, ready: Prepared, attempt: Attempt, realism: Realism) -> None:
        self._ready, self._attempt, self._realism = ready, attempt, realism
        self._directions = {edit.name: edit for edit in ready.plan.edits}
        self._attributes = {edit.name: edit.attribute for edit in ready.plan.edits if edit.attribute is not None}
        if ready.instruments.change is None or len(self._attributes) < len(self._directions):
            raise RequirementError("The demo needs directions of known attributes, and instruments that measure them.")
        self._change = ready.instruments.change
        self._wanted = self._look(ready.plan.sets[0].pictures[:].to(attempt.picture))[1]
        self._before, own = self._look(attempt.picture)
        self._own_similarity = float((own * self._wanted).sum())
        self.realism = float(realism.distances(attempt.picture))

    @torch.no_grad()
    def curves(self, edits: Sequence[Candidate], advance: Callable[[], object]) -> list[Curve]:
        """Each edit at the plan's strengths from 0 outwards; ``advance`` is called after each of them."""
        strengths = [strength for strength in self._ready.plan.strengths if strength > 0]
        moves = [
            (part, self._mover(part))
            for part in (edits[first : first + _AT_ONCE] for first in range(0, len(edits), _AT_ONCE))
        ]
        found = []
        for strength in strengths:
            found.append(np.concatenate([self._measured(part, move(strength))[1] for part, move in moves], axis=1))
            advance()
        start = np.stack([np.zeros(len(edits)), np.ones(len(edits))])
        changes, identities = np.stack([start, *found], axis=-1)
        return [Curve(np.array([0.0, *strengths]), *both) for both in zip(changes, identities, strict=True)]

    def maker(self, edit: Candidate) -> Callable[[float], Edited]:
        """A function from strength to the edited image; its realism is left to :meth:`judged`."""
        move = self._mover([edit])

        @torch.no_grad()
        def made(strength: float) -> Edited:
            picture, figures = self._measured([edit], move(strength))
            change, net_identity = figures[:, 0].tolist()
            return Edited(strength, picture, change, net_identity)

        return made

    def judged(self, edited: Edited) -> Edited:
        """The same with its realism."""
        return replace(edited, realism=float(self._realism.distances(edited.picture)))

    def _mover(self, edits: Sequence[Candidate]) -> Callable[[float], Point]:
        """A function from strength to the point, once for each edit."""
        point = self._attempt.point
        f = None if point.f is None else point.f.expand(len(edits), -1, -1, -1)
        points = replace(point, code=point.code.expand(len(edits), -1, -1).clone(), f=f)
        z, w = (torch.stack([self._sum(edit, space) for edit in edits]) for space in ("z", "w"))
        return mover(self._ready.plan, self._ready.model, points, Edit("together", z, w))

    def _sum(self, edit: Candidate, space: str) -> Tensor:
        """The sum of an edit's directions, (1 or L, dim)."""
        vectors = [sign * getattr(self._directions[name], space) for name, sign in edit.signs.items()]
        return torch.stack([vector.reshape(-1, vector.shape[-1]) for vector in vectors]).sum(dim=0)

    def _measured(self, edits: Sequence[Candidate], point: Point) -> tuple[Tensor, np.ndarray]:
        """Images (B, 3, R, R) of edits, and their changes and net identities (2, B)."""
        pictures = self._ready.model.pictures(point)
        attributes, identities = self._look(pictures)
        similarities = (identities * self._wanted).sum(dim=1)
        changes = self._changes(edits, attributes)
        return pictures, np.stack([changes, _numbers(similarities - self._own_similarity + 1)])

    def _changes(self, edits: Sequence[Candidate], attributes: Tensor) -> np.ndarray:
        """The changes (B,) to attributes (B, A), one by each edit."""
        before = self._before.expand_as(attributes)
        changes = {name: _numbers(self._change(before, attributes, index)) for name, index in self._attributes.items()}
        return np.array(
            [
                np.mean([sign * changes[name][row] for name, sign in edit.signs.items()])
                for row, edit in enumerate(edits)
            ]
        )

    def _look(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Attributes and identities."""
        seen = self._ready.instruments.look(pictures)
        if seen.attributes is None or seen.identity is None:
            raise RequirementError("The demo needs instruments that measure attributes and identity.")
        return seen.attributes, seen.identity


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()
