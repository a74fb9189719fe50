"""What the measurements of all parts say: rows of figures for every space, and spaces in pairs at equal change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from zplus_plugins.compare.limits.composites import GROUPS, STRENGTHS, Composites
from zplus_plugins.compare.limits.instruments import EDGES, Instruments
from zplus_plugins.compare.limits.part import RADII, SHARES, WALKS
from zplus_plugins.compare.limits.statistics import of_sets, resampled, usable_range
from zplus_plugins.compare.statistics.edits import EqualChange, at_equal_change
from zplus_plugins.compare.statistics.figures import Mean, mean_of
from zplus_plugins.compare.statistics.turning import turning
from zplus_plugins.compare.work.parts import Arrays

SHOWN = (2, 4, 6, 8)  # indices of the strengths at which figures are listed: 1.5, 3, 4.5, 6


@dataclass(frozen=True)
class Row:
    """One figure of a space.

    Attributes:
        space, measure: what, of which space.
        group: ``singles``, ``pairs`` or ``triples``, the kind of move, or ``reconstruction``.
        at: the strength of a composite, the share of an interpolation, the layer of a mixing, or the radius of a walk;
            None for figures of the whole group.
        mean: with its interval over portraits.
    """

    space: str
    measure: str
    group: str
    at: float | None
    mean: Mean


class Limits:
    """The measurements of one set of portraits.

    Args:
        composites: the edits.
        instruments: what they were measured by.
        measured: arrays of whole sets by space, as :class:`~zplus_plugins.compare.limits.part.LimitsWork` makes them.

    Attributes:
        feature_spaces: the names of those in which realism was measured.
    """

    def __init__(self, composites: Composites, instruments: Instruments, measured: Mapping[str, Arrays]) -> None:
        self.composites, self.instruments, self.measured = composites, instruments, measured
        self.feature_spaces = tuple(instruments.realism)

    def rows(self) -> list[Row]:
        """All figures of all spaces."""
        return [row for space in self.measured for row in self._of_space(space)]

    def usable(self, space: str, group: str, by: str = "all") -> np.ndarray:
        """The mean usable range (B,) of a group's edits, as shares of the attributes' ranges.

        Args:
            space: of the codes.
            group: of the composites.
            by: the limit: ``identity``, a feature space, or ``all`` of these at once but edges, which are listed only.
        """
        own, chosen = self.measured[space], self.composites.of_group(group)
        excesses = {"identity": own["identity"][:, :, :1] - own["identity"] - (1 - self.instruments.same_person)}
        for name in self.feature_spaces:
            excesses[name] = own[f"distance {name}"] - self.instruments.realism[name].reach
        limits = [name for name in excesses if name != EDGES] if by == "all" else [by]
        ranges = usable_range(own["change"][:, chosen], [excesses[name][:, chosen] for name in limits])
        mean: np.ndarray = ranges.mean(axis=1)
        return mean

    def equal(self, first: str, second: str) -> EqualChange:
        """Two spaces at equal change; each group counts as a direction with only a positive side."""
        return at_equal_change({space: self._by_group(space) for space in (first, second)}, STRENGTHS)

    def walks(self, first: str, second: str) -> EqualChange:
        """Random walks in two spaces at equal change of all attributes."""
        return at_equal_change({space: self._along_walks(space) for space in (first, second)}, (0.0, *RADII))

    def moved(self, space: str, move: str, feature_space: str) -> np.ndarray:
        """The mean distance (B,) to drawn portraits by a feature space, of ``interpolation`` or ``mixing``."""
        mean: np.ndarray = self.measured[space][f"distance {move} {feature_space}"].mean(axis=1)
        return mean

    def _by_group(self, space: str) -> Arrays:
        """Means over the composites of each group, (B, groups, S), of all that was measured at each strength."""
        return {
            name: np.stack([values[:, self.composites.of_group(g)].mean(axis=1) for g in GROUPS], axis=1).astype(float)
            for name, values in self.measured[space].items()
            if values.ndim == 3
        }

    def _reconstructed(self, space: str, feature_space: str) -> np.ndarray:
        """The distance (B,) of the reconstruction, which every composite is at strength 0."""
        distance: np.ndarray = self.measured[space][f"distance {feature_space}"][:, 0, 0]
        return distance

    def _along_walks(self, space: str) -> Arrays:
        """Means over walks at radius 0 and at each of :data:`RADII`, (B, 1, radii)."""
        own = self.measured[space]

        def mean(values: np.ndarray, start: np.ndarray) -> np.ndarray:
            radii = values.reshape(len(values), WALKS, len(RADII)).mean(axis=1)
            return np.concatenate([start[:, None], radii], axis=1)[:, None].astype(float)

        return {
            "change": mean(own["moved"], np.zeros(len(own["moved"]))),
            **{
                f"distance {name}": mean(own[f"distance walk {name}"], self._reconstructed(space, name))
                for name in self.feature_spaces
            },
        }

    def _of_space(self, space: str) -> Iterator[Row]:
        grouped = self._by_group(space)
        for g, group in enumerate(GROUPS):
            of_group = {name: values[:, g] for name, values in grouped.items()}
            turned = turning(of_group["change"], STRENGTHS)
            yield Row(space, "turning strength", group, None, turned.strength)
            yield Row(space, "turning change", group, None, turned.change)
            for by in ("all", "identity", *self.feature_spaces):
                yield Row(space, f"usable range by {by}", group, None, resampled(self.usable(space, group, by)))
            for s in SHOWN:
                yield from self._at_strength(space, group, of_group, s, STRENGTHS[s] <= turned.strength.mean)
        yield from self._of_sets(space)
        yield from self._of_moves(space)

    def _at_strength(self, space: str, group: str, of_group: Arrays, s: int, rising: bool) -> Iterator[Row]:
        """A group's figures at one strength; distances to the true edit only before its change turns round."""

        def row(measure: str, values: np.ndarray) -> Row:
            return Row(space, measure, group, STRENGTHS[s], mean_of(values))

        yield row("change", of_group["change"][:, s])
        yield row("identity lost", of_group["identity"][:, 0] - of_group["identity"][:, s])
        if rising:
            for name in ("mse", "perceptual"):
                yield row(f"{name} to the true edit, net", of_group[name][:, s] - of_group[name][:, 0])
        for name in self.feature_spaces:
            yield row(f"distance by {name}", of_group[f"distance {name}"][:, s])
            near = self.measured[space][f"distance {name}"][:, self.composites.of_group(group), s]
            share = (near <= self.instruments.realism[name].reach).mean(axis=1)
            yield row(f"share realistic by {name}", share)

    def _of_sets(self, space: str) -> Iterator[Row]:
        chosen = self.composites.of_group("triples")
        for name in self.feature_spaces:
            for s in SHOWN:
                features = self.measured[space][f"features {name}"][:, chosen, s - 1]
                for figure, mean in of_sets(features, self.instruments.realism[name].real).items():
                    yield Row(space, f"{figure} by {name}", "triples", STRENGTHS[s], mean)

    def _of_moves(self, space: str) -> Iterator[Row]:
        own = self.measured[space]
        for name in self.feature_spaces:
            yield Row(space, f"distance by {name}", "reconstruction", None, mean_of(self._reconstructed(space, name)))
            for s, share in enumerate(SHARES):
                values = own[f"distance interpolation {name}"][:, s]
                yield Row(space, f"distance by {name}", "interpolation", share, mean_of(values))
            mixed = own[f"distance mixing {name}"]
            yield Row(space, f"distance by {name}", "mixing", None, mean_of(mixed.mean(axis=1)))
            for layer in range(mixed.shape[1]):
                yield Row(space, f"distance by {name}", "mixing", layer + 1, mean_of(mixed[:, layer]))
        walks = self._along_walks(space)
        for measure, values in walks.items():
            said = "change of all attributes" if measure == "change" else measure.replace("distance ", "distance by ")
            for r, radius in enumerate(RADII):
                yield Row(space, said, "walk", radius, mean_of(values[:, 0, r + 1]))
