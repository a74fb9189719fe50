"""Compare edits at an equal change of the target attribute, so that a space in which codes move less has no advantage.

The same strength has different effects in different spaces. Each direction is therefore evaluated separately for
positive and negative strengths: for each space, the mean change of the target attribute over the images is computed as
a function of strength. Spaces are compared up to the largest change that all of them reach. At fractions of it, the
strength that produces exactly that change is determined for each space, and the metrics of each image are interpolated
between the two neighbouring strengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zplus_plugins.compare.work.parts import Arrays

SHARES = tuple(share / 10 for share in range(11))
LEAST = 0.05  # the smallest change to compare, in the units of the attribute
SIDES = (-1, 1)


@dataclass(frozen=True)
class EqualChange:
    """Edits in several spaces at the same changes of the target attributes.

    Attributes:
        reach: (edits, 2), the change up to which each direction and side is compared; NaN if it is not compared.
        limited_by: for each direction and side, the space that reaches the smallest change.
        values: metrics by space and name, (B, edits, 2, len(SHARES)); NaN where ``reach`` is.
        strengths: the strengths that produce these changes in each space, (edits, 2, len(SHARES)); NaN likewise.
    """

    reach: np.ndarray
    limited_by: list[list[str]]
    values: dict[str, Arrays]
    strengths: Arrays

    def mean(self, space: str, figure: str, direction: int | None = None) -> np.ndarray:
        """The mean per image over sides and directions, or over the sides of one direction: (B, len(SHARES))."""
        values = self.values[space][figure]
        kept = ~np.isnan(self.reach)
        if direction is not None:
            kept &= (np.arange(len(kept)) == direction)[:, None]
        if not kept.any():
            return np.full((len(values), len(SHARES)), np.nan)
        mean: np.ndarray = values[:, kept].mean(axis=1)
        return mean

    def edited(self, space: str, figure: str) -> np.ndarray:
        """The mean per image over sides, directions and all changes but 0, at which nothing is edited: (B,)."""
        mean: np.ndarray = self.mean(space, figure)[:, 1:].mean(axis=1)
        return mean

    def lost(self, space: str, figure: str, share: int | None = None) -> np.ndarray:
        """By how much the edits lower a metric, net of the reconstruction: (B,).

        Args:
            space, figure: as for :meth:`mean`.
            share: index of the change in :data:`SHARES`; None for the mean over all but 0.
        """
        mean = self.mean(space, figure)
        after = mean[:, 1:].mean(axis=1) if share is None else mean[:, share]
        lost: np.ndarray = mean[:, 0] - after
        return lost

    def changes(self, direction: int | None = None) -> np.ndarray:
        """The mean change at each share, (len(SHARES),); NaN if nothing is compared."""
        reach = self.reach if direction is None else self.reach[direction]
        mean = np.nan if np.isnan(reach).all() else np.nanmean(reach)
        return np.array(SHARES) * mean


def at_equal_change(edits: Mapping[str, Arrays], strengths: Sequence[float]) -> EqualChange:
    """Compare metrics of edits (B, edits, strengths) in several spaces at equal values of the metric ``change``."""
    directions = next(iter(edits.values()))["change"].shape[1]
    reach = np.full((directions, 2), np.nan)
    limited_by = [["", ""] for _ in range(directions)]
    n = len(next(iter(edits.values()))["change"])
    values = {space: {f: np.full((n, directions, 2, len(SHARES)), np.nan) for f in own} for space, own in edits.items()}
    made_at = {space: np.full((directions, 2, len(SHARES)), np.nan) for space in edits}
    for d in range(directions):
        for column, side in enumerate(SIDES):
            order = outwards(strengths, side)
            made = {space: side * own["change"][:, d, order].mean(axis=0) for space, own in edits.items()}
            limited_by[d][column] = min(made, key=lambda space: float(made[space].max()))
            least = float(made[limited_by[d][column]].max())
            if not least >= LEAST:
                continue
            reach[d, column] = least
            for space, own in edits.items():
                places = [_place(made[space], share * least) for share in SHARES]
                made_at[space][d, column] = _interpolated(np.array(strengths)[None, order], places)
                for figure, array in own.items():
                    values[space][figure][:, d, column] = _interpolated(array[:, d, order], places)
    return EqualChange(reach, limited_by, values, made_at)


def outwards(strengths: Sequence[float], side: int) -> list[int]:
    """Indices of the strengths on one side, from 0 outwards."""
    return sorted((i for i, s in enumerate(strengths) if s * side >= 0), key=lambda i: abs(strengths[i]))


def _place(made: np.ndarray, wanted: float) -> float:
    """The fractional index at which a piecewise linear curve that starts at 0 first reaches a value."""
    if wanted <= 0:
        return 0.0
    after = int(np.argmax(made >= wanted * (1 - 1e-12)))
    before = made[after - 1]
    return after - 1 + min(1.0, float((wanted - before) / (made[after] - before)))


def _interpolated(values: np.ndarray, places: Sequence[float]) -> np.ndarray:
    """Interpolate values (B, steps) at fractional indices: (B, len(places))."""
    lower = np.minimum(np.floor(places).astype(int), values.shape[1] - 2)
    share = np.array(places) - lower
    between: np.ndarray = values[:, lower] * (1 - share) + values[:, lower + 1] * share
    return between
