"""What a page is told of a studio's generator and directions."""

from __future__ import annotations

from typing import Any

from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.studio.engine.curves import REACH
from zplus_plugins.studio.engine.painting import Painter
from zplus_plugins.studio.request import Request


def described(painter: Painter, request: Request) -> dict[str, Any]:
    """The generator, its spaces and directions, and how changes are measured, as plain JSON."""
    desk = painter.desk
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
