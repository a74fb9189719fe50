"""Directions that are followed together, and the point that they lead to.

Their vectors are added, each with its strength, before the code moves: in Z, one geodesic follows the tangent part of
the sum; in W, codes move, or chase their target, along the sum. The order in which directions are given therefore does
not matter, as it would if one were followed after the other, because geodesics of a sphere do not commute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.pursuit import Pursuit
from zplus_plugins.errors import UsageError
from zplus_plugins.inversion import Model, Point, Space
from zplus_plugins.inversion.record import array_bytes
from zplus_plugins.system.cache import digest

STRONGEST = 1000.0


@dataclass(frozen=True)
class Wish:
    """A direction as it was asked for.

    Attributes:
        name: of the direction, or its file.
        strength: in units of the direction; None for those of a series.
    """

    name: str
    strength: float | None = None

    @classmethod
    def of(cls, text: str) -> Wish:
        """The wish in ``NAME`` or ``NAME=STRENGTH``.

        Raises:
            UsageError: the strength is no number, or too large.
        """
        name, equals, number = text.rpartition("=")
        if not equals or Path(text).is_file() or text.endswith(".npz"):
            return cls(text)
        try:
            strength = float(number)
        except ValueError:
            strength = float("nan")
        if not name or not abs(strength) <= STRONGEST:
            raise UsageError(
                f"--direction {text}: expected NAME, or NAME=STRENGTH with a strength from {-STRONGEST:g} to "
                f"{STRONGEST:g}, such as smile=1.5."
            )
        return cls(name, round(strength, 3) + 0.0)


@dataclass(frozen=True)
class Part:
    """A direction with its strength; None if it is that of a series, which varies."""

    direction: Direction
    strength: float | None

    @property
    def digest(self) -> str:
        """Sixteen digits that tell apart directions."""
        return digest(*array_bytes(self.direction.z, self.direction.w))[:16]


@dataclass(frozen=True)
class Combination:
    """Directions that are followed together.

    Attributes:
        parts: sorted, one that varies last.
    """

    parts: tuple[Part, ...]

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Combination:
        """Directions in any order.

        Raises:
            UsageError: a direction is among them twice, or several vary.
        """
        names = [part.direction.name for part in parts]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"The direction {name} is given {names.count(name)} times. Give it once.")
        varying = [part.direction.name for part in parts if part.strength is None]
        if len(varying) > 1:
            raise UsageError(
                f"The directions {' and '.join(varying)} have no strength of their own, and only one can run along "
                f"--strength. Give the others as NAME=STRENGTH, such as {varying[0]}=1.5."
            )
        return cls(tuple(sorted(parts, key=lambda part: (part.strength is None, part.direction.name))))

    @property
    def varying(self) -> Part | None:
        """The direction whose strength is that of a series; None if all have one of their own."""
        return self.parts[-1] if self.parts[-1].strength is None else None

    @property
    def name(self) -> str:
        """The directions' names and strengths, as in the names of results: ``age-2.000.smile+1.500``.

        One that varies is set apart, ``age-2.000.and.smile``: by its way, an image of the same strengths differs a bit.
        """
        fixed = ".".join(_named(part) for part in self.parts if part.strength is not None)
        return ".and.".join(name for name in (fixed, _named(self.varying) if self.varying else "") if name)

    def in_layers(self, first: int, last: int, layers: int) -> Combination:
        """The part in some layers; arguments and errors as for :meth:`Direction.in_layers`."""
        return Combination(
            tuple(replace(part, direction=part.direction.in_layers(first, last, layers)) for part in self.parts)
        )

    def settings(self) -> str:
        """The directions as one of the settings on which an edit depends."""
        if len(self.parts) == 1 and self.varying:
            return self.varying.digest
        return " + ".join(f"{'' if one.strength is None else f'{one.strength:g} '}{one.digest}" for one in self.parts)

    def move(self, model: Model, point: Point, local: bool) -> Callable[[float], Point]:
        """The edit of a point, as a function of the strength of the direction that varies.

        If none does, it is the share of the whole edit, at which 0 is the point itself and 1 the edited one.

        Args:
            model, point: what is to be edited.
            local: whether codes on the hypersphere follow their own paths (:class:`Pursuit`); ignored for other codes.
        """
        on_device = model.generator.w_mean
        fixed = [part for part in self.parts if part.strength is not None]
        steps = [_sum([self.varying] if self.varying else fixed, space).to(on_device) for space in ("z", "w")]
        offsets = [_sum(fixed, space).to(on_device) for space in ("z", "w")] if self.varying and fixed else None
        if local and point.space.kind == "z":
            return Pursuit(model, point, steps[1], None if offsets is None else offsets[1])
        if offsets is None:
            return partial(model.moved, point, steps[0], steps[1])

        def moved(strength: float) -> Point:
            z, w = offsets[0] + strength * steps[0], offsets[1] + strength * steps[1]
            return model.moved(point, z, w, 1.0)

        return moved

    def stated(
        self, strength: float, space: Space, local: bool, mask: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The edit of a point in words and numbers, for its :meth:`record <.record.PointRecord.moved>`.

        Args:
            strength: of the direction that varies.
            space: of the point.
            local: as for :meth:`move`.
            mask: name and digest of the region that shows the edit; None for the whole image.
        """
        directions = [
            {
                "name": part.direction.name,
                "method": part.direction.method,
                "strength": strength if part.strength is None else part.strength,
                "layers": part.direction.about.get("layers"),
                "digest": part.digest,
            }
            for part in self.parts
        ]
        return {"directions": directions, "way": way_of(space, local), "mask": mask}


def way_of(space: Space, local: bool) -> str:
    """How a code moves: ``straight`` in spaces other than Z and Z+, whatever ``--way`` says."""
    return ("local" if local else "global") if space.kind == "z" else "straight"


def _named(part: Part) -> str:
    return part.direction.name if part.strength is None else f"{part.direction.name}{part.strength:+.3f}"


def _sum(parts: Sequence[Part], space: Literal["z", "w"]) -> Tensor:
    """The sum of directions in Z or W, (dim,) or (L, dim), each times its strength; one that varies counts once."""
    vectors = [getattr(part.direction, space) * (1 if part.strength is None else part.strength) for part in parts]
    total: Tensor = reduce(torch.add, vectors)
    return total
