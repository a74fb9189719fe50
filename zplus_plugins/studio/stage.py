"""What pages and files need to know of a studio's generator, directions and codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from zplus_plugins.directions import Direction
from zplus_plugins.inversion import Model, Point, Space
from zplus_plugins.inversion.opening import Models
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.studio.engine.curves import REACH
from zplus_plugins.studio.engine.desk import Desk
from zplus_plugins.studio.engine.painting import Painter
from zplus_plugins.studio.engine.scene import Scene, Source
from zplus_plugins.studio.inverting.origins import Known
from zplus_plugins.studio.request import Request


class Stage:
    """A painter, and where the codes that it paints are from; in the thread that owns the models.

    Args:
        painter: of the scenes.
    """

    def __init__(self, painter: Painter) -> None:
        self.painter = painter

    @property
    def models(self) -> Models:
        """Of the generator."""
        return self.painter.models

    @property
    def directions(self) -> Mapping[str, Direction]:
        """By name."""
        return self.painter.directions

    def known(self, source: Source, space: Space) -> Known:
        """Where the code of a source is from. Raises SceneError if there is none in the space."""
        if source.portrait is None:
            return Known.of_seed(source.seed or 0, space)
        opened = self.painter.opened(source, space)
        return Known.of_record(opened.path, opened.record, space)

    def base(self, scene: Scene, space: Space) -> tuple[Model, Point]:
        """The code before the edits."""
        return self.painter.base(scene, space)

    def strengths(self, scene: Scene, space: Space) -> Mapping[str, float]:
        """The strengths of the edits."""
        return self.painter.strengths(scene, space)

    def picture(self, scene: Scene, space: Space, share: float) -> Tensor:
        """The picture (3, R, R) with a share of all edits."""
        return self.painter.picture(scene, space, share)


def described(desk: Desk, painter: Painter, request: Request) -> dict[str, Any]:
    """The generator, its spaces and directions, and how changes are measured, as plain JSON."""
    model = desk.model
    generator, usual = model.generator, painter.measures.usual
    return {
        "generator": {
            "name": "the embedded generator" if request.generator is None else request.generator.name,
            "resolution": generator.architecture.resolution,
            "layers": generator.num_layers,
            "first_layer": model.first_layer(SPACES["f/zplus"]),
            "embedded": desk.embedded,
        },
        "spaces": [{"name": space.name, "title": space.title} for space in SPACES.values()],
        "directions": [
            {"name": one.name, "attribute": one.attribute, "reach": REACH} for one in desk.directions.values()
        ],
        "measure": {"name": usual.name, "text": usual.text},
    }
