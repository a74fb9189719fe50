"""The figures of moves of random codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.lengths import CODES, random_codes
from zplus_plugins.directions.pursuit import Pursuit
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.geometry import default_radius, retract, tangent
from zplus_plugins.hypersphere.moves import along_geodesic
from zplus_plugins.metrics.realism import Realism, Whitened, edges, pixels
from zplus_plugins.portraits.networks.regressor import MEASURED, UNSEEN, Regressor
from zplus_plugins.spaces.model import Model, Point
from zplus_plugins.spaces.spaces import SPACES

STRENGTHS = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0)
COMPONENTS = 64  # of pixels
EDGES = 32  # all of them
SEED = 11  # of the codes; not one that a generator was trained with
_AT_ONCE = 100

Move = Callable[[float], Point]


@dataclass(frozen=True)
class Figures:
    """Means over the pictures of one move at one strength.

    Attributes:
        strength: of the move.
        mahalanobis: norm of the style codes in P_N, on average over layers and codes; of random ones, sqrt(w_dim).
        covered: the same along those axes of P_N alone that hold 99 % of the variance before whitening.
        change: of the attribute of an edit, in the sense of its sign, or else the mean absolute change of all
            attributes; as shares of their ranges.
        realistic: share of realistic pictures by each measure.
        distance: median distance to drawn pictures by each, 1 for drawn ones.
    """

    strength: float
    mahalanobis: float
    covered: float
    change: float
    realistic: dict[str, float]
    distance: dict[str, float]


class Instruments:
    """What pictures are measured by: realism by several measures, and attributes.

    Args:
        regressor: the embedded one.
        drawn: portraits that no network was trained on, (n, 3, R, R); and others, of which no more are needed.
        own: the generator's own pictures from Z, and others.
    """

    def __init__(self, regressor: Regressor, drawn: tuple[Tensor, Tensor], own: tuple[Tensor, Tensor]) -> None:
        self._regressor = regressor
        self.realism = {
            "pixels": Realism(Whitened(pixels, drawn[0], COMPONENTS), *drawn),
            "features": Realism(lambda pictures: _in_parts(regressor.features, pictures), *drawn),
            "edges": Realism(Whitened(edges, drawn[0], EDGES), *drawn),
            "own_edges": Realism(Whitened(edges, own[0], EDGES), *own),
        }
        low, high = (torch.tensor([float(getattr(a, end)) for a in MEASURED]) for end in ("low", "high"))
        self._ranges = high - low
        self.learnt = [index for index, a in enumerate(MEASURED) if a.name not in UNSEEN]

    def attributes(self, pictures: Tensor) -> Tensor:
        """Attributes (B, A), as shares of their ranges."""
        return _in_parts(self._regressor.attributes, pictures) / self._ranges


class Fragility:
    """Moves a generator's codes, and measures the pictures.

    Args:
        model: the generator's.
        instruments: what its pictures are measured by.
        codes: number of random codes that every move starts from.
    """

    def __init__(self, model: Model, instruments: Instruments, codes: int) -> None:
        self._model, self._instruments = model, instruments
        self.measures = tuple(instruments.realism)
        generator = model.generator
        z = standard_normal(codes, generator.num_layers, generator.architecture.z_dim, seed=SEED)
        layered = retract(z.to(generator.w_mean))
        single = layered[:, :1]
        with torch.no_grad():
            self._starts = {
                "z": Point(SPACES["z"], single),
                "zplus": Point(SPACES["zplus"], layered),
                "w": Point(SPACES["w"], generator.mapping(single)),
                "wplus": Point(SPACES["wplus"], generator.mapping(layered)),
            }
        variance = model.statistics.pn_spread.square().cumsum(dim=0)
        self._covering = int((variance < 0.99 * variance[-1]).sum()) + 1

    def edits(self, space: str, directions: Mapping[str, Direction]) -> Iterator[tuple[str, list[Figures]]]:
        """The figures at all strengths, for each direction and sign."""
        names = [attribute.name for attribute in MEASURED]
        for name, direction in directions.items():
            for sign in (1, -1):
                move = self._edit(space, direction, sign)
                yield f"{'+' if sign > 0 else '-'}{name}", self._figures(space, move, (names.index(name), sign))

    def at_random(self, space: str) -> list[Figures]:
        """The figures of random moves at all strengths; those of Z+ and W+ start in Z, where all layers agree."""
        start = self._starts[space]
        if space in ("zplus", "wplus"):
            single = self._starts[space.removesuffix("plus")].code
            start = Point(start.space, single.expand_as(start.code))
        directions = standard_normal(*start.code.shape, seed=SEED + 1).to(start.code)
        if start.space.kind == "z":
            heading = F.normalize(tangent(start.code, directions), dim=-1)
            step = heading * default_radius(start.code.shape[-1]) * torch.pi / 8
            return self._figures(space, lambda s: Point(start.space, along_geodesic(start.code, step, s)), None, start)
        heading = F.normalize(directions, dim=-1)
        spread = (random_codes(self._model.generator, CODES // 4, SEED + 4).w @ heading.flatten(0, 1).T).std(dim=0)
        step = heading * spread.view(*heading.shape[:2], 1)
        return self._figures(space, lambda s: Point(start.space, start.code + s * step), None, start)

    def _edit(self, space: str, direction: Direction, sign: int) -> Move:
        start = self._starts[space]
        z, w = (vector.to(start.code) for vector in (direction.z, direction.w))
        move = Pursuit(self._model, start, w) if start.space.kind == "z" else partial(self._model.moved, start, z, w)
        return lambda strength: move(sign * strength)

    @torch.no_grad()
    def _figures(
        self, space: str, move: Move, target: tuple[int, int] | None, start: Point | None = None
    ) -> list[Figures]:
        before = self._instruments.attributes(self._pictures(start or self._starts[space]))
        return [self._at(strength, move(strength), before, target) for strength in STRENGTHS]

    def _at(self, strength: float, point: Point, before: Tensor, target: tuple[int, int] | None) -> Figures:
        pictures = self._pictures(point)
        coordinates = self._model.statistics.to_pn(self._model.w(point))
        changes = self._instruments.attributes(pictures) - before
        if target is None:
            change = changes[:, self._instruments.learnt].abs().mean()
        else:
            change = target[1] * changes[:, target[0]].mean()
        distances = {name: realism.distances(pictures) for name, realism in self._instruments.realism.items()}
        near = {name: self._instruments.realism[name].near(found) for name, found in distances.items()}
        return Figures(
            strength,
            float(coordinates.norm(dim=-1).mean()),
            float(coordinates[..., : self._covering].norm(dim=-1).mean()),
            float(change),
            {name: float(found.float().mean()) for name, found in near.items()},
            {name: float(found.median()) for name, found in distances.items()},
        )

    def _pictures(self, point: Point) -> Tensor:
        parts = [self._model.pictures(point[first : first + _AT_ONCE]) for first in range(0, len(point), _AT_ONCE)]
        return torch.cat(parts)


@torch.no_grad()
def own_pictures(model: Model, n: int, seed: int) -> Tensor:
    """Pictures (n, 3, R, R) of random codes of Z."""
    z = retract(standard_normal(n, 1, model.generator.architecture.z_dim, seed=seed).to(model.generator.w_mean))
    return _in_parts(lambda part: model.pictures(Point(SPACES["z"], part)), z)


def _in_parts(function: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([function(part) for part in torch.split(pictures, _AT_ONCE)])
