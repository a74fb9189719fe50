"""Moves of codes, whose waypoints are kept: so that a slider only interpolates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from zplus_plugins.directions import Direction, Pursuit
from zplus_plugins.directions.edits.combination import Combination, Part
from zplus_plugins.errors import DirectionError
from zplus_plugins.hypersphere.geometry import logarithm
from zplus_plugins.hypersphere.moves import along_geodesic
from zplus_plugins.inversion import Point
from zplus_plugins.studio.engine.bases import Base
from zplus_plugins.studio.engine.kept import Recent
from zplus_plugins.studio.engine.scene import SceneError

_MOST_BYTES = 64 * 2**20
_LEAST_BYTES = 16 * 2**10  # of what a move holds beside its waypoints
_MOST_PARTS = 256

Work = Callable[[], None]
Edits = Sequence[tuple[Direction, float]]


@dataclass(frozen=True)
class How:
    """How codes move: in which layers, None for those of the directions; and in Z whether along paths of their own."""

    layers: tuple[int, int] | None
    local: bool


@dataclass(frozen=True)
class Moved:
    """An edited code.

    Attributes:
        point: the code.
        missing: the work to be done before it is exact, in pieces; none if it is.
    """

    point: Point
    missing: tuple[Work, ...] = ()


class Moves:
    """The moves of bases along directions; those used last are kept with their waypoints."""

    def __init__(self) -> None:
        self._moves: Recent[Callable[[float], Point]] = Recent(_MOST_BYTES, _size)
        self._parts: Recent[Direction] = Recent(_MOST_PARTS)

    def __call__(self, base: Base, edits: Edits, how: How, share: float = 1.0) -> Moved:
        """The code after edits, exactly as ``zplus edit`` moves it, or near there while waypoints are missing.

        Until then, codes follow the geodesic to the nearest waypoint that was found. For several directions, the
        logarithms at the base of where each leads are added: their sum leads near where all lead together.

        Args:
            base: the code before.
            edits: directions with their strengths, none of which is 0.
            how: they move.
            share: of all edits.

        Raises:
            SceneError: there are no such layers, or nothing would move in them.
        """
        if not edits:
            return Moved(base.point)
        if len(edits) == 1:
            direction, strength = edits[0]
            return self._along(base, direction, how, strength * share)
        move = self._move(base, Combination.of([Part(self._part(base, d, how), s) for d, s in edits]), how)
        missing = _missing(move, share)
        if not missing:
            return Moved(move(share))
        return Moved(self._near(base, [(d, s * share) for d, s in edits], how), missing)

    def _along(self, base: Base, direction: Direction, how: How, strength: float) -> Moved:
        part = self._part(base, direction, how)
        move = self._move(base, Combination.of([Part(part, None)]), how)
        missing = _missing(move, strength)
        return Moved(move.near(strength) if missing and isinstance(move, Pursuit) else move(strength), missing)

    def _near(self, base: Base, edits: Edits, how: How) -> Point:
        code = base.point.code
        logarithms = [logarithm(code, self._along(base, d, how, s).point.code) for d, s in edits]
        return replace(base.point, code=along_geodesic(code, torch.stack(logarithms).sum(dim=0), 1.0))

    def _part(self, base: Base, direction: Direction, how: How) -> Direction:
        if how.layers is None:
            return direction
        (first, last), layers = how.layers, base.model.generator.num_layers
        own, title = base.model.first_layer(base.space), base.space.title
        if not base.space.layered:
            raise SceneError(f"A code in {title} is one for all layers. Edit all of them.")
        if last < own or last >= layers:
            raise SceneError(f"In {title} no layers {first}-{last} can be edited; expected some of {own}-{layers - 1}.")
        try:
            return self._parts.of((direction, how.layers), lambda: direction.in_layers(first, last, layers))
        except DirectionError as error:
            raise SceneError(f"{direction.name} cannot be followed in layers {first}-{last}: {error}") from None

    def _move(self, base: Base, combination: Combination, how: How) -> Callable[[float], Point]:
        parts = tuple((part.direction, part.strength) for part in combination.parts)
        make = partial(combination.move, base.model, base.point, how.local)
        return self._moves.of((base.key, how.local, parts), make)


def _missing(move: Callable[[float], Point], strength: float) -> tuple[Work, ...]:
    if not isinstance(move, Pursuit):
        return ()
    return tuple(partial(move.prepare, waypoint) for waypoint in move.missing(strength))


def _size(move: Callable[[float], Point]) -> int:
    return _LEAST_BYTES + (move.size if isinstance(move, Pursuit) else 0)
