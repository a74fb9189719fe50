"""The work on a scene, in pieces: its frames at once; its exact frames; and then what makes later moves quick."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from zplus_plugins.studio.engine.bases import Base
from zplus_plugins.studio.engine.changes import Looked
from zplus_plugins.studio.engine.curves import REACH, STEP
from zplus_plugins.studio.engine.frames import Frame, Kind, encoded, is_lossless
from zplus_plugins.studio.engine.moves import How
from zplus_plugins.studio.engine.painting import Painter, Painting, spaces_of
from zplus_plugins.studio.engine.scene import MOST_DIRECTIONS, Scene

Output = Frame | dict[str, Any]


class SceneWork:
    """The work on one scene of one tab.

    Args:
        painter: it does the work.
        seq: the number of the scene, by which its frames are known.
        scene: the scene.
        seen: the bases whose pictures the tab has, by space; it is kept up to date.
    """

    def __init__(self, painter: Painter, seq: int, scene: Scene, seen: dict[str, str]) -> None:
        self._painter, self._seq, self._scene, self._seen = painter, seq, scene, seen
        self._sent: dict[str, tuple[Looked, dict[str, Any]]] = {}

    def at_once(self) -> Iterator[Frame]:
        """A frame of each space, with a single synthesis each, and of bases that the tab has not seen.

        Raises:
            SceneError: the scene shows what is not there.
        """
        for space in spaces_of(self._scene):
            begin = time.perf_counter()
            painting = self._painter.paint(self._scene, space)
            yield self._frame(space.name, "edit", painting, False, begin)
            if self._seen.get(space.name) != painting.base.key:
                begin = time.perf_counter()
                before = self._painter.before(self._scene, space)
                yield self._frame(space.name, "before", before, True, begin)
                self._seen[space.name] = painting.base.key

    def in_pieces(self) -> Iterator[list[Output]]:
        """What there is to be sent after each piece of work: the exact frames, and then the curves of all directions.

        Raises:
            SceneError: the scene shows what is not there.
        """
        yield from self._exact()
        yield from self._ahead()

    def _exact(self) -> Iterator[list[Output]]:
        for space in spaces_of(self._scene):
            settled = False
            while True:
                begin = time.perf_counter()
                painting = self._painter.paint(self._scene, space, settled)
                for piece in painting.missing:
                    piece()
                    yield []
                if settled and not painting.missing:
                    break
                settled = settled or not painting.missing
            last, stated = self._sent.get(space.name, (None, {}))
            if painting.looked is not last or painting.stated() != stated or not is_lossless(painting.looked.picture):
                yield [self._frame(space.name, "edit", painting, True, begin)]

    def _ahead(self) -> Iterator[list[Output]]:
        """Waypoints and curves of all directions: the nearest strengths first, and the scene's edits before others."""
        painter, scene = self._painter, self._scene
        edited = dict(scene.edits)
        directions = sorted(painter.directions.values(), key=lambda direction: direction.name not in edited)
        how = How(scene.layers, scene.path == "local")
        bases = [painter.before(scene, space).base for space in spaces_of(scene)]
        curves = [(base, direction) for direction in directions[:MOST_DIRECTIONS] for base in bases]
        told: dict[int, int] = {}
        for reach in range(1, round(REACH / STEP) + 1):
            for index, (base, direction) in enumerate(curves):
                curve = painter.curve(base, direction, how)
                for side in (1, -1):
                    while (strength := curve.next(side, reach * STEP)) is not None:
                        for _ in painter.measuring(base, direction, how, strength):
                            yield []
                whole = (reach * STEP) % 1 == 0
                if whole and len(curve.changes) > told.get(index, 1):
                    told[index] = len(curve.changes)
                    yield [_curve_note(painter, base, direction.name, how)]

    def _frame(self, space: str, kind: Kind, painting: Painting, still: bool, begin: float) -> Frame:
        mime, image = encoded(painting.looked.picture, still)
        if kind == "edit":
            self._sent[space] = (painting.looked, painting.stated())
        header = {"seq": self._seq, "space": space, "kind": kind, **painting.stated(), "mime": mime}
        return Frame({**header, "ms": round((time.perf_counter() - begin) * 1000, 1)}, image)


def _curve_note(painter: Painter, base: Base, name: str, how: How) -> dict[str, Any]:
    curve = painter.curve(base, painter.directions[name], how)
    strengths, changes = zip(*curve.points, strict=True)
    return {
        "type": "curves",
        "base": base.key,
        "space": base.space.name,
        "direction": name,
        "strengths": list(strengths),
        "changes": list(changes),
        "turn": list(curve.turn),
    }
