"""How fragile W and W+ are: the realism of pictures as codes leave the distribution of style codes.

Run with ``python -m zplus_plugins.directions.fragility --out fragility.json``.

StyleGAN2 on FFHQ draws worse faces the further style codes are from their mean, as a Mahalanobis distance in P_N
(arXiv 2012.09036, arXiv 2307.08995), and good ones wherever on the hypersphere of Z a code lies. This module measures
both for a portrait generator. Random codes of Z, and of Z+ (an own one for each layer), are moved

- along editing directions, with both signs: style codes in W and W+ on a straight line; codes in Z and Z+ on their
  paths along the same direction (:class:`~zplus_plugins.directions.pursuit.Pursuit`), as in ``zplus edit``;
- at random: style codes along a random direction in W, or another one for each layer in W+; codes in Z and Z+ on a
  geodesic towards a random code. A strength of 1 is one standard deviation of style codes in that direction, or an
  eighth of the half circle.

A picture is realistic if it is as near to 3,000 held-out drawn portraits as 95 % of other drawn ones are
(:mod:`zplus_plugins.metrics.realism`), in two spaces that had no part in training the generator: principal components
of pixels, and features of the embedded regressor. Spaces are compared at the same change: of the attribute, for
edits; of all attributes on average, for random moves.

**What decides, set before any result was seen.** A generator behaves like a real one if, for edits that start in Z and
by the pixels,

1. at least half of its own pictures, unedited, are realistic (else nothing can be said);
2. at strength :data:`STRENGTH`, the share of realistic pictures in W has fallen below half of the unedited ones'; and
3. in Z, at the change that W has reached by then, or the largest that Z reaches, it is still at least four fifths.

All other figures are reported, and decide nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.embedded import embedded_directions
from zplus_plugins.directions.lengths import CODES, random_codes
from zplus_plugins.directions.pursuit import Pursuit
from zplus_plugins.errors import DirectionError
from zplus_plugins.hypersphere.draws import standard_normal
from zplus_plugins.hypersphere.geometry import default_radius, retract, tangent
from zplus_plugins.hypersphere.moves import along_geodesic
from zplus_plugins.metrics.realism import Pixels, Realism
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED, sample
from zplus_plugins.portraits.drawing.drawing import draw
from zplus_plugins.portraits.networks.embedded import embedded_regressor, portrait_generator
from zplus_plugins.portraits.networks.regressor import MEASURED, UNSEEN, Regressor
from zplus_plugins.portraits.training import command
from zplus_plugins.spaces.model import Model, Point
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.spaces.statistics import statistics_of
from zplus_plugins.system import console
from zplus_plugins.system.files import write_whole

STRENGTH = 4.0
STRENGTHS = (0.0, 1.0, 2.0, 3.0, STRENGTH, 6.0, 8.0)
REAL, OTHERS = 3000, 1000
SEED = 11  # of the codes; not one that a generator was trained with
LEAST_OWN, MOST_IN_W, LEAST_IN_Z = 0.5, 0.5, 0.8
_STARTS = {"w": "z", "wplus": "zplus"}
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
        realistic: share of realistic pictures by each feature space.
        distance: median distance to drawn pictures by each, 1 for drawn ones.
    """

    strength: float
    mahalanobis: float
    covered: float
    change: float
    realistic: dict[str, float]
    distance: dict[str, float]


class Instruments:
    """What pictures are measured by: realism in both feature spaces, and attributes.

    Args:
        regressor: the embedded one.
        real, others: drawn portraits that no network was trained on.
    """

    def __init__(self, regressor: Regressor, real: Tensor, others: Tensor) -> None:
        self._regressor = regressor
        self.realism = {
            "pixels": Realism(Pixels(real), real, others),
            "features": Realism(lambda pictures: _in_parts(regressor.features, pictures), real, others),
        }
        low, high = (torch.tensor([float(getattr(a, end)) for a in MEASURED]) for end in ("low", "high"))
        self._ranges = high - low
        self.learnt = [index for index, a in enumerate(MEASURED) if a.name not in UNSEEN]

    def attributes(self, pictures: Tensor) -> Tensor:
        """Attributes (B, A), as shares of their ranges."""
        return _in_parts(self._regressor.attributes, pictures) / self._ranges


class Fragility:
    """Measures a generator.

    Args:
        model: the generator's.
        instruments: what its pictures are measured by.
        codes: number of random codes that every move starts from.
    """

    def __init__(self, model: Model, instruments: Instruments, codes: int) -> None:
        self._model, self._instruments = model, instruments
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
        spread = (random_codes(self._model.generator, CODES // 4).w @ heading.flatten(0, 1).T).std(dim=0)
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


def _in_parts(function: Callable[[Tensor], Tensor], pictures: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([function(part) for part in torch.split(pictures, _AT_ONCE)])


def at_change(figures: Sequence[Figures], change: float, feature_space: str) -> tuple[float, float]:
    """The share of realistic pictures where a move first reaches a change, and the change that it is the share at.

    It is interpolated between strengths; if the move never changes as much, it is the share at its largest change.
    """
    for before, after in pairwise(figures):
        if before.change < change <= after.change:
            way = (change - before.change) / (after.change - before.change)
            ends = before.realistic[feature_space], after.realistic[feature_space]
            return ends[0] + way * (ends[1] - ends[0]), change
    if change <= figures[0].change:
        return figures[0].realistic[feature_space], figures[0].change
    furthest = max(figures, key=lambda one: one.change)
    return furthest.realistic[feature_space], furthest.change


def compared(
    in_w: Sequence[Sequence[Figures]], in_z: Sequence[Sequence[Figures]], feature_space: str
) -> dict[str, Any]:
    """Shares of realistic pictures in W at all strengths, and in Z at the same changes; means over moves.

    Args:
        in_w, in_z: figures of the same moves, in the same order.
        feature_space: ``pixels`` or ``features``.
    """
    found = []
    for index, strength in enumerate(STRENGTHS):
        reached = [at_change(z, w[index].change, feature_space) for w, z in zip(in_w, in_z, strict=True)]
        found.append(
            {
                "strength": strength,
                "mahalanobis": _mean([w[index].mahalanobis for w in in_w]),
                "covered": _mean([w[index].covered for w in in_w]),
                "change": _mean([w[index].change for w in in_w]),
                "realistic": _mean([w[index].realistic[feature_space] for w in in_w]),
                "change_in_z": _mean([change for _, change in reached]),
                "realistic_in_z": _mean([share for share, _ in reached]),
            }
        )
    return {"by": feature_space, "at": found}


def verdict(comparison: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a generator behaves like a real one, as set above; from the comparison of edits in Z and W by pixels."""
    own = comparison["at"][0]["realistic"]
    edited = next(one for one in comparison["at"] if one["strength"] == STRENGTH)
    shares = {"own": own, "in_w": edited["realistic"], "in_z": edited["realistic_in_z"]}
    if own < LEAST_OWN:
        return {**shares, "behaves_like_a_real_one": None}
    real = shares["in_w"] < MOST_IN_W * own and shares["in_z"] >= LEAST_IN_Z * own
    return {**shares, "behaves_like_a_real_one": real}


def measured(fragility: Fragility, directions: Mapping[str, Direction]) -> dict[str, Any]:
    """All figures, as JSON values."""
    edits = {space: dict(fragility.edits(space, directions)) for space in ("z", "w", "zplus", "wplus")}
    moves = {space: {"random": fragility.at_random(space)} for space in edits}
    comparisons = {
        f"{kind} {space}": [
            compared(list(found[space].values()), list(found[start].values()), by) for by in ("pixels", "features")
        ]
        for kind, found in (("edits", edits), ("random", moves))
        for space, start in _STARTS.items()
        if found[space]
    }
    result: dict[str, Any] = {"comparisons": comparisons}
    if directions:
        result["verdict"] = verdict(comparisons["edits w"][0])
    for kind, found in (("edits", edits), ("random", moves)):
        result[kind] = {
            space: {name: [asdict(one) for one in figures] for name, figures in by_name.items()}
            for space, by_name in found.items()
        }
    return result


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)


def _table(result: Mapping[str, Any]) -> str:
    rows = [("", "by", "strength", "Mahalanobis", "covered", "change", "realistic", "Z: change", "realistic")]
    for name, both in result["comparisons"].items():
        for comparison in both:
            for one in comparison["at"]:
                numbers = [one[key] for key in ("covered", "change", "realistic", "change_in_z", "realistic_in_z")]
                shown = [f"{one['strength']:g}", f"{one['mahalanobis']:.0f}", *(f"{number:.3f}" for number in numbers)]
                rows.append((name, comparison["by"], *shown))
    return console.columns(rows)


@click.command(cls=command.Command, context_settings={"show_default": True})
@click.option("--generator", type=click.Path(path_type=Path), help="An exported generator. [default: the embedded one]")
@click.option(
    "--directions",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of directions that find_embedded has found for the generator. [default: the embedded ones]",
)
@click.option("--codes", type=command.AT_LEAST_1, default=64, help="Random codes that each move starts from.")
@click.option("--out", type=command.NewFile(), help="JSON file to write all figures to.")
@command.threads
def main(generator: Path | None, directions: Path | None, codes: int, out: Path | None, threads: int) -> None:
    """Measure how fragile W and W+ of a portrait generator are."""
    torch.set_num_threads(threads)
    network = portrait_generator(generator)
    if directions is None:
        chosen = embedded_directions()
    else:
        chosen = {file.stem: Direction.load(file, network) for file in sorted(directions.glob("*.npz"))}
        if not chosen:
            raise DirectionError(f"There are no directions (*.npz) in {directions}. Find some with find_embedded.")
    for direction in chosen.values():
        direction.require(network)
    real, others = draw(sample(REAL, HELD_OUT_SEED)), draw(sample(OTHERS, HELD_OUT_SEED + 1))
    model = Model(network, statistics_of(network))
    result = measured(Fragility(model, Instruments(embedded_regressor(), real, others), codes), chosen)
    if out is not None:
        write_whole(out, f"{json.dumps(result, indent=1)}\n".encode())
    console.result(_table(result))
    console.result(json.dumps(result["verdict"]))


if __name__ == "__main__":
    main()
