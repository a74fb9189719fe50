"""Strengths and directions as they are given to ``zplus edit``, and the images of one code along a direction."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.embedded import embedded_directions
from zplus_plugins.directions.pursuit import Pursuit
from zplus_plugins.errors import DirectionError, UsageError
from zplus_plugins.generators import StyleGenerator
from zplus_plugins.inversion import Model, Point

MOST = 1001
STRONGEST = 1000.0


def strengths_of(text: str) -> list[float]:
    """The strengths given as START:STOP:COUNT or as a single number: evenly spaced, both ends included.

    Raises:
        UsageError: there are none or too many, or the strengths are too close to be distinct in file names.
    """
    parts = text.split(":")
    try:
        if len(parts) not in (1, 3):
            raise ValueError
        start, stop = float(parts[0]), float(parts[-2] if len(parts) == 3 else parts[0])
        count = int(parts[2]) if len(parts) == 3 else 1
    except ValueError:
        raise UsageError(f"--strength {text}: expected START:STOP:COUNT, such as -3:3:11, or a number.") from None
    if not (abs(start) <= STRONGEST and abs(stop) <= STRONGEST) or not 1 <= count <= MOST:
        raise UsageError(
            f"--strength {text}: expected strengths from {-STRONGEST:g} to {STRONGEST:g}, and 1 to {MOST} of them."
        )
    strengths = [round(value, 3) + 0.0 for value in torch.linspace(start, stop, count, dtype=torch.float64).tolist()]
    if len(set(strengths)) < count:
        raise UsageError(f"--strength {text}: the strengths are closer together than 0.001. Use fewer.")
    return strengths


def direction_named(name: str, generator: StyleGenerator) -> Direction:
    """The direction in a file, or an embedded one by its name.

    Raises:
        DirectionError: there is none, or it belongs to another generator.
    """
    if Path(name).is_file() or name.endswith(".npz"):
        return Direction.load(Path(name), generator)
    known = embedded_directions()
    if name not in known:
        raise DirectionError(
            f"There is no direction file {name} (looked in {Path.cwd()}), and no embedded direction of that name: "
            f"expected one of {', '.join(known)}."
        )
    known[name].require(generator)
    return known[name]


def require_layers(layers: tuple[int, int], model: Model, point: Point) -> None:
    """Require that a point has codes of its own in some layers, the first and the last of which are given.

    Raises:
        UsageError: it has one code for all layers, or no code that has an influence in these.
    """
    (first, last), space = layers, point.space
    if not space.layered:
        raise UsageError(f"--layers {first}-{last}: a code in {space.title} is one for all layers. Leave --layers out.")
    own = model.first_layer(space)
    if last < own:
        raise UsageError(
            f"--layers {first}-{last}: F replaces these layers, so that nothing would change; expected layers from "
            f"{own} on."
        )


def edited(model: Model, point: Point, direction: Direction, strengths: list[float], local: bool = False) -> Tensor:
    """Images of one code at all strengths, (len(strengths), 3, R, R), on the CPU.

    Args:
        model, point, direction, strengths: the code, and the edit to apply.
        local: whether codes on the hypersphere follow their own paths (:class:`Pursuit`); ignored for other codes.
    """
    z, w = (vector.to(model.generator.w_mean) for vector in (direction.z, direction.w))
    chases = local and point.space.kind == "z"
    move = Pursuit(model, point, w) if chases else partial(model.moved, point, z, w)
    with torch.no_grad():
        return torch.cat([model.pictures(move(strength)).cpu() for strength in strengths])
