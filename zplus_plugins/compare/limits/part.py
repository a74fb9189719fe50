"""One part: a batch of portraits in one space, moved in all ways and measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.compare.limits.composites import STRENGTHS, Composites
from zplus_plugins.compare.limits.instruments import Instruments, Seen
from zplus_plugins.compare.work.measuring import inverted
from zplus_plugins.compare.work.part import CODE, F_CODE, Advance
from zplus_plugins.compare.work.parts import Arrays
from zplus_plugins.compare.work.plan import Instruments as Losses
from zplus_plugins.compare.work.plan import Plan
from zplus_plugins.directions import Pursuit
from zplus_plugins.inversion import Model, Point, Space
from zplus_plugins.metrics.pixels import mse, shown
from zplus_plugins.portraits import draw
from zplus_plugins.portraits.networks.regressor import perceptual
from zplus_plugins.spaces.paths import between, circle

SHARES = (0.25, 0.5, 0.75)  # of the way to another portrait
RADII = (0.25, 0.5, 0.75, 1.0)  # of random walks; at 1, codes have gone as far as random ones are apart
WALKS = 2
_AT_ONCE = 50


@dataclass(frozen=True)
class Task:
    """A batch of portraits in one space.

    Attributes:
        name: of its part.
        what: in words.
        space: the space.
        targets: the portraits, (B, 3, R, R).
        attributes: what they were drawn from, (B, all attributes).
        first: index of the first of them in the whole set.
        code: the part of the comparison with their codes; without, they are inverted again.
    """

    name: str
    what: str
    space: Space
    targets: Tensor
    attributes: Tensor
    first: int
    code: Arrays


@dataclass(frozen=True)
class LimitsWork:
    """The work of an executor: from a task to the arrays of its part (see :meth:`__call__`)."""

    plan: Plan
    model: Model
    losses: Losses
    composites: Composites
    instruments: Instruments

    @property
    def steps(self) -> int:
        """Steps of a task."""
        return len(STRENGTHS) + 2

    @torch.no_grad()
    def __call__(self, task: Task, advance: Advance) -> Arrays:
        """Edit and measure.

        Returns:
            ``change``, ``identity`` (to the target), ``mse`` and ``perceptual`` (to the true drawn edit), and
            ``distance SPACE`` for each feature space, of composite edits at all strengths, (B, C, S); at those but 0,
            ``features SPACE`` (B, C, S - 1, d); of interpolations, mixings and walks ``distance MOVE SPACE`` (B, K);
            and of walks ``moved`` (B, K), the mean absolute change of all attributes.
        """
        point = self._point(task)
        own = self.instruments.see(self._pictures(point))
        arrays = self._edited(task, point, own, lambda: advance(task.what, 1))
        arrays |= self._distances("interpolation", self._interpolated(point))
        arrays |= self._distances("mixing", self._mixed(point))
        advance(task.what, 1)
        walked = list(self._walked(task, point))
        arrays |= self._distances("walk", walked)
        moved = [(self.instruments.see(one).attributes - own.attributes).abs().mean(dim=1) for one in walked]
        arrays["moved"] = _plain(torch.stack(moved, dim=1))
        advance(task.what, 1)
        return arrays

    def _point(self, task: Task) -> Point:
        like = self.model.generator.w_mean
        if CODE not in task.code:
            with torch.enable_grad():
                targets = task.targets.to(like)
                return inverted(self.plan, self.model, self.losses, task.space, targets, lambda step: None).point
        f = torch.from_numpy(task.code[F_CODE]).to(like) if F_CODE in task.code else None
        return Point(task.space, torch.from_numpy(task.code[CODE]).to(like), f)

    def _edited(self, task: Task, point: Point, own: Seen, advance: Callable[[], None]) -> Arrays:
        b, c = len(point), len(self.composites)
        each = torch.arange(b).repeat_interleave(c)
        signs = np.concatenate([self.composites.signs(self.plan.seed, task.first + index) for index in range(b)])
        z, w = (d.to(point.code) for d in self.composites.directions(signs, self.model.generator.num_layers))
        starts = _chosen(point, each.to(point.code.device))
        pursuit = Pursuit(self.model, starts, w) if point.space.kind == "z" and self.plan.way == "local" else None
        before, wanted = own.attributes[each], self.instruments.see(shown(task.targets)).identity[each]
        attributes, found = task.attributes[each], []
        for strength in STRENGTHS:
            moved = self.model.moved(starts, z, w, strength) if pursuit is None else pursuit(strength)
            pictures = self._pictures(moved)
            seen = self.instruments.see(pictures)
            truth = shown(draw(self.composites.truly_edited(signs, attributes, before, seen.attributes)))
            found.append(
                {
                    "change": self.composites.changes(signs, before, seen.attributes),
                    "identity": (seen.identity * wanted).sum(dim=1),
                    "mse": mse(pictures, truth),
                    "perceptual": self._perceptual(pictures, truth),
                    **{f"distance {n}": self._distance(n, x) for n, x in seen.features.items()},
                    **({f"features {n}": x for n, x in seen.features.items()} if strength else {}),
                }
            )
            advance()
        stacked = {name: torch.stack([one[name] for one in found if name in one], dim=1) for name in found[-1]}
        return {name: _plain(values.reshape(b, c, *values.shape[1:])) for name, values in stacked.items()}

    def _interpolated(self, point: Point) -> Iterator[Tensor]:
        """Pictures on the way from each portrait to the next of the batch."""
        other = _chosen(point, torch.arange(len(point), device=point.code.device).roll(-1))
        return (self._pictures(between(point, other, share)) for share in SHARES)

    def _mixed(self, point: Point) -> Iterator[Tensor]:
        """Pictures with the style vectors of the next portrait from each layer on; F, if there is one, stays."""
        first = self.model.generator.first_style_after(self.model.f_resolution) if point.space.with_f else 0
        other = _chosen(point, torch.arange(len(point), device=point.code.device).roll(-1))
        own, others = self.model.styles(point), self.model.styles(other)
        for crossover in range(first + 1, len(own)):
            styles = own[:crossover] + others[crossover:]
            made = self.model.generator.synthesis(
                styles=styles, f=point.f, f_resolution=self.model.f_resolution, noise=self.model.noise
            )
            yield shown(made)

    def _walked(self, task: Task, point: Point) -> Iterator[Tensor]:
        """Pictures at random places around each portrait: of all radii, first those of one walk, then of the next."""
        scale = math.pi / 2 if point.space.kind == "z" else 1.0
        for walk in range(WALKS):
            seeds = [1000 * (task.first + index) + WALKS * self.plan.seed + walk for index in range(len(point))]
            for radius in RADII:
                places = [
                    circle(self.model, point[index : index + 1], scale * radius, seed)(math.pi)
                    for index, seed in enumerate(seeds)
                ]
                yield self._pictures(_together(places))

    def _distances(self, move: str, several: Iterator[Tensor] | Sequence[Tensor]) -> Arrays:
        """Distances (B, K) to drawn portraits, by feature space; NaN for a lone portrait that has no other to go to."""
        lists: dict[str, list[Tensor]] = {name: [] for name in self.instruments.realism}
        for pictures in several:
            for name, realism in self.instruments.realism.items():
                lone = move != "walk" and len(pictures) == 1
                distances = realism.distances(pictures)
                lists[name].append(torch.full_like(distances, torch.nan) if lone else distances)
        return {f"distance {move} {name}": _plain(torch.stack(own, dim=1)) for name, own in lists.items()}

    def _pictures(self, point: Point) -> Tensor:
        """Pictures of a point, as they are in files."""
        parts = range(0, len(point), _AT_ONCE)
        return torch.cat([shown(self.model.pictures(point[first : first + _AT_ONCE])) for first in parts])

    def _perceptual(self, pictures: Tensor, targets: Tensor) -> Tensor:
        both = zip(torch.split(pictures, _AT_ONCE), torch.split(targets, _AT_ONCE), strict=True)
        return torch.cat([perceptual(self.instruments.regressor, *pair) for pair in both])

    def _distance(self, name: str, features: Tensor) -> Tensor:
        return self.instruments.realism[name].distances_of(features)


def _chosen(point: Point, index: Tensor) -> Point:
    return replace(point, code=point.code[index], f=None if point.f is None else point.f[index])


def _together(points: Sequence[Point]) -> Point:
    f = [point.f for point in points if point.f is not None]
    return Point(points[0].space, torch.cat([point.code for point in points]), torch.cat(f) if f else None)


def _plain(values: Tensor) -> np.ndarray:
    found: np.ndarray = values.detach().cpu().float().numpy()
    return found
