"""Pictures of scenes, with what is known of them: the strengths used, and the change and identity measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.directions import Direction
from zplus_plugins.directions.edits.region import Region
from zplus_plugins.hypersphere.mapping import Truncation, truncated
from zplus_plugins.inversion import Model, Point, Space
from zplus_plugins.inversion.opening import Models
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.studio.engine.bases import Base, Bases
from zplus_plugins.studio.engine.changes import Looked, Measures
from zplus_plugins.studio.engine.curves import Curve, Found
from zplus_plugins.studio.engine.desk import Desk, Opened
from zplus_plugins.studio.engine.kept import Recent
from zplus_plugins.studio.engine.moves import Edits, How, Moves, Work
from zplus_plugins.studio.engine.scene import Scene, SceneError, Source

_MOST_BYTES = 96 * 2**20  # of pictures before edits, and as many after
_LEAST_BYTES = 3 * 2**20  # that a picture counts as, so that there are 32 at most
_MOST_CURVES = 512

Regions = Callable[[str, int, float], Region]


@dataclass(frozen=True, eq=False)
class Painting:
    """A picture of a scene in one space.

    Attributes:
        base: the code before the edits.
        looked: the picture.
        strengths: of the edits, by direction.
        at_end: directions whose wanted change is not reached.
        missing: the work to be done before the picture is exact, in pieces; none if it is.
        change: of each direction; None where it is not known.
        identity: the similarity to the picture before; None if it is not known.
    """

    base: Base
    looked: Looked
    strengths: Mapping[str, float]
    at_end: tuple[str, ...]
    missing: tuple[Work, ...]
    change: Mapping[str, float | None]
    identity: float | None

    def stated(self) -> dict[str, Any]:
        """What a frame's header says of it."""
        return {
            "base": self.base.key,
            "exact": not self.missing,
            "strengths": dict(self.strengths),
            "change": dict(self.change),
            "identity": self.identity,
            "at_end": list(self.at_end),
        }


class Painter:
    """Paints scenes; in one thread, which owns the models.

    Args:
        desk: the portraits and directions.
        regions: from the id of a mask, a resolution and a feather to the region; as for
            :meth:`~zplus_plugins.directions.edits.region.Region.of`.
    """

    def __init__(self, desk: Desk, regions: Regions) -> None:
        self.desk, self._regions = desk, regions
        self.measures = Measures(desk.embedded)
        self._bases, self._moves = Bases(desk), Moves()
        self._before: Recent[Looked] = Recent(_MOST_BYTES, _size)
        self._after: Recent[Looked] = Recent(_MOST_BYTES, _size)
        self._curves: Recent[Curve] = Recent(_MOST_CURVES)
        self._refined: Recent[Found] = Recent(_MOST_CURVES)

    @property
    def models(self) -> Models:
        """Of the generator."""
        return self.desk.models

    @property
    def directions(self) -> Mapping[str, Direction]:
        """By name."""
        return self.desk.directions

    def opened(self, source: Source, space: Space) -> Opened:
        """The code of a portrait; errors as for :meth:`Bases.opened`."""
        return self._bases.opened(source, space)

    def base(self, scene: Scene, space: Space) -> tuple[Model, Point]:
        """The code before the edits; errors as for :meth:`Bases.of`."""
        base = self._bases.of(scene, space)
        return base.model, base.point

    def strengths(self, scene: Scene, space: Space) -> Mapping[str, float]:
        """The strengths of a scene's edits, each a multiple of 0.001; in a scene of changes those that reach them.

        Raises:
            SceneError: the scene shows what is not there.
        """
        return self.finished(scene, space).strengths

    def picture(self, scene: Scene, space: Space, share: float) -> Tensor:
        """The exact picture (3, R, R) with a share of all edits, truncation and mask, on the CPU; errors as above."""
        base = self._bases.of(scene, space)
        edits = self._edits(self.strengths(scene, space))
        how = _how(scene)
        for work in self._moves(base, edits, how, share).missing:
            work()
        return self._masked(scene, base, _picture(base.model, self._moves(base, edits, how, share).point, scene.psi))

    def finished(self, scene: Scene, space: Space) -> Painting:
        """The exact picture of a scene; errors as above."""
        settled = False
        while True:
            painting = self.paint(scene, space, settled)
            for work in painting.missing:
                work()
            if settled and not painting.missing:
                return painting
            settled = settled or not painting.missing

    def before(self, scene: Scene, space: Space) -> Painting:
        """The picture of the base; errors as above."""
        base = self._bases.of(scene, space)
        return Painting(base, self._unedited(base), {}, (), (), {}, None)

    def paint(self, scene: Scene, space: Space, settled: bool = False) -> Painting:
        """The picture of a scene, as good as it can be made at once: with one synthesis.

        Args:
            scene, space: what to paint.
            settled: whether there is time to measure the change and the identity, and to find a wanted change more
                closely. Otherwise, the change is that of the direction's curve, if it is the only one.

        Raises:
            SceneError: the scene shows what is not there.
        """
        base, how = self._bases.of(scene, space), _how(scene)
        strengths, at_end, missing = self._strengths(scene, base, settled)
        edits = self._edits(strengths)
        moved = self._moves(base, edits, how)
        missing = [*missing, *moved.missing]
        before = self._unedited(base)
        if not edits and scene.psi == 1:
            looked = before
        else:
            key = (base.key, tuple(strengths.items()), how, scene.psi, scene.mask, bool(moved.missing))
            looked = self._after.of(
                key, lambda: Looked(self._masked(scene, base, _picture(base.model, moved.point, scene.psi)))
            )
        change: dict[str, float | None] = {}
        for direction, strength in edits:
            known = math.nan
            if settled and (len(edits) == 1 or self.measures.of(direction).tells_apart):
                known = self.measures.of(direction).change(before, looked, strength)
            elif not settled and len(edits) == 1 and scene.psi == 1 and scene.mask is None:
                known = self.curve(base, direction, how).change(strength)
            change[direction.name] = None if math.isnan(known) else known
        identity = self.measures.identity(before, looked) if settled else None
        change |= dict.fromkeys((name for name in strengths if name not in change), 0.0)
        return Painting(base, looked, strengths, tuple(at_end), tuple(missing), change, identity)

    def curve(self, base: Base, direction: Direction, how: How) -> Curve:
        """The curve of a direction's change, as far as it is measured."""
        noise = self.measures.of(direction).noise
        return self._curves.of((base.key, direction, how), lambda: Curve(noise))

    def measuring(self, base: Base, direction: Direction, how: How, strength: float) -> Iterator[None]:
        """Measure a point of a curve, in pieces; a step of this is one waypoint, or one picture."""
        for work in self._moves(base, [(direction, strength)], how).missing:
            work()
            yield
        self.curve(base, direction, how).changes[strength] = self._measured(base, direction, how, strength)
        yield

    def _measured(self, base: Base, direction: Direction, how: How, strength: float) -> float:
        while (moved := self._moves(base, [(direction, strength)], how)).missing:
            moved.missing[0]()
        after = Looked(_picture(base.model, moved.point, 1.0))
        return self.measures.of(direction).change(self._unedited(base), after, strength)

    def _strengths(self, scene: Scene, base: Base, settled: bool) -> tuple[dict[str, float], list[str], list[Work]]:
        if scene.lock == "strength":
            return {name: round(value, 3) + 0.0 for name, value in scene.edits}, [], []
        strengths: dict[str, float] = {}
        at_end: list[str] = []
        missing: list[Work] = []
        how = _how(scene)
        for name, wanted in scene.edits:
            direction = self._direction(name)
            curve = self.curve(base, direction, how)
            found = curve.strength(wanted)
            if found.lacks is not None:
                missing.append(partial(_all, partial(self.measuring, base, direction, how, found.lacks)))
            else:
                key = (base.key, direction, how, wanted)
                refine = partial(curve.refined, wanted, partial(self._measured, base, direction, how))
                found = (self._refined.of(key, refine) if settled else self._refined.get(key)) or found
            strengths[name] = round(found.strength, 3) + 0.0
            at_end += [name] if found.at_end else []
        return strengths, at_end, missing

    def _edits(self, strengths: Mapping[str, float]) -> Edits:
        return [(self._direction(name), strength) for name, strength in strengths.items() if strength]

    def _direction(self, name: str) -> Direction:
        found = self.desk.directions.get(name)
        if found is None:
            raise SceneError(f"There is no direction {name!r:.80} here; expected some of {', '.join(self.directions)}.")
        return found

    def _unedited(self, base: Base) -> Looked:
        return self._before.of(base.key, lambda: Looked(_picture(base.model, base.point, 1.0)))

    def _masked(self, scene: Scene, base: Base, picture: Tensor) -> Tensor:
        if scene.mask is None:
            return picture
        region = self._regions(scene.mask.id, picture.shape[-1], scene.mask.feather)
        return region.blend(self._unedited(base).picture, picture)


def spaces_of(scene: Scene) -> list[Space]:
    """The spaces that a scene shows."""
    return [SPACES[name] for name in scene.spaces]


def _how(scene: Scene) -> How:
    return How(scene.layers, scene.path == "local")


@torch.no_grad()
def _picture(model: Model, point: Point, psi: float) -> Tensor:
    """The picture (3, R, R) of a code, on the CPU; with psi below 1, its style codes are moved towards the mean one.

    In Z and Z+ that is the truncation of the :class:`~zplus_plugins.spaces.model.Model`, after that of a script's
    record; in W, W+ and P_N it is the same for the style codes themselves; in S, which has none, for its style vectors.
    """
    if psi == 1:
        return model.pictures(point)[0].cpu()
    generator = model.generator
    if point.space.kind == "s":
        mean = generator.styles(generator.w_mean.expand(1, generator.num_layers, -1))
        styles = [torch.lerp(one, own, psi) for one, own in zip(mean, model.styles(point), strict=True)]
    else:
        styles = generator.styles(truncated(model.w(point), generator.w_mean, Truncation(psi)))
    picture = generator.synthesis(styles=styles, f=point.f, f_resolution=model.f_resolution, noise=model.noise)
    return picture[0].cpu()


def _size(looked: Looked) -> int:
    return max(looked.size, _LEAST_BYTES)


def _all(steps: Callable[[], Iterator[None]]) -> None:
    for _ in steps():
        pass
