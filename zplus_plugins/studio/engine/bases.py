"""The code of a scene before its edits: source, then toward another, then layers of another, then a place on a walk."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from zplus_plugins.errors import LatentError
from zplus_plugins.inversion import Model, Point, Space
from zplus_plugins.spaces.paths import between, circle, random_points
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.studio.engine.desk import Desk, Opened
from zplus_plugins.studio.engine.kept import Recent
from zplus_plugins.studio.engine.scene import Mix, Scene, SceneError, Source
from zplus_plugins.system.cache import digest

_MOST = 64  # codes that are kept, of some 0.1 to 2 MB each


@dataclass(frozen=True, eq=False)
class Base:
    """A code, ready to be edited.

    Attributes:
        key: tells apart bases, for the caches and in messages to a page.
        model, point: the code.
    """

    key: str
    model: Model
    point: Point

    @property
    def space(self) -> Space:
        """Of the code."""
        return self.point.space


class Bases:
    """The bases of scenes; those used last are kept.

    Args:
        desk: the portraits.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._kept: Recent[Base] = Recent(_MOST)

    def of(self, scene: Scene, space: Space) -> Base:
        """The base of a scene in one of its spaces.

        Raises:
            SceneError: a portrait is not there, or not in this space; two codes do not go together; or the space has
                no layers to mix.
        """
        source = self._source(scene.source, space, None)
        steps: list[str] = [source.key]
        for part in (scene.toward, scene.mix):
            if part is not None:
                steps += [str(part), self._source(part.source, space, source.model).key]
        steps.append(str(scene.walk))
        return self._kept.of(tuple(steps), lambda: self._made(scene, source, digest(*steps)[:16]))

    def opened(self, source: Source, space: Space) -> Opened:
        """The code of a portrait.

        Raises:
            SceneError: the source is no portrait, or the portrait has no code in the space.
        """
        if source.portrait is None:
            raise SceneError(f"The seed {source.seed} is no portrait; expected one.")
        portrait = self._desk.get(source.portrait)
        if space.name not in portrait.spaces:
            has = ", ".join(SPACES[name].title for name in portrait.spaces)
            raise SceneError(f"{portrait.name} has no code in {space.title}; it has {has}. Invert it in that space.")
        return portrait.spaces[space.name]

    def _source(self, source: Source, space: Space, model: Model | None) -> Base:
        if source.portrait is not None:
            opened = self.opened(source, space)
            return Base(opened.key, opened.model, opened.point)
        model = model or self._desk.model
        key = f"seed {source.seed} {space.name} {model.f_resolution} {model.noise} {model.truncation}"
        return self._kept.of(key, lambda: Base(key, model, _of_seed(model, source.seed or 0, space)))

    def _made(self, scene: Scene, base: Base, key: str) -> Base:
        model, point = base.model, base.point
        try:
            if scene.toward is not None:
                other = self._source(scene.toward.source, point.space, model)
                _require_alike(base, other)
                point = between(point, other.point, scene.toward.share)
            if scene.mix is not None:
                other = self._source(scene.mix.source, point.space, model)
                _require_alike(base, other)
                point = mixed(model, point, other.point, scene.mix)
            if scene.walk is not None:
                walk = scene.walk
                point = circle(model, point, walk.radius, walk.seed)(2 * math.pi * (walk.turn % 1))
        except LatentError as error:
            raise SceneError(str(error)) from None
        return Base(key, model, point)


def mixed(model: Model, point: Point, other: Point, mix: Mix) -> Point:
    """A point with the codes of another in some layers (style mixing: arXiv 1812.04948); F stays.

    Raises:
        SceneError: the space has no codes of layers, or F replaces all of these.
    """
    space, layers = point.space, model.generator.num_layers
    if not space.layered or space.kind == "s":
        raise SceneError(f"Codes in {space.title} have no layers to mix; expected a space such as W+ or Z+.")
    own = model.first_layer(space)
    if mix.last < own or mix.first >= layers:
        raise SceneError(
            f"There are no codes to mix in layers {mix.first}-{mix.last}; expected some of {own}-{layers - 1}."
        )
    inside = slice(max(mix.first - own, 0), mix.last - own + 1)
    code = point.code.clone()
    code[:, inside] = other.code[:, inside]
    return replace(point, code=code)


@torch.no_grad()
def _of_seed(model: Model, seed: int, space: Space) -> Point:
    return model.of_z(next(random_points(model, [seed])).code, space)


def _require_alike(base: Base, other: Base) -> None:
    one, two = ((m.f_resolution, m.noise, m.truncation) for m in (base.model, other.model))
    if one != two:
        raise SceneError(
            f"Two codes in {base.space.title} do not go together: F, noise and truncation are {one} and {two}. Invert "
            "both pictures in the same way."
        )
