"""Edits compared at an equal change of the wanted attribute, so that a space that moves less does not win by it.

Strengths differ in what they do from space to space. So each direction is taken on each side of 0, and for each space
the mean change of the wanted attribute over the pictures is followed as the strength grows; the largest change that all
the spaces reach is what they are compared up to. At shares of it, each space has a strength at which it makes exactly
that change, and what each picture shows there is interpolated between the two strengths around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zplus_plugins.compare.work.parts import Arrays

SHARES = tuple(share / 10 for share in range(11))
LEAST = 0.05  # change, in the attribute's units: below it, there is nothing to compare
SIDES = (-1, 1)


@dataclass(frozen=True)
class EqualChange:
    """Edits of several spaces at the same changes of the wanted attributes.

    Attributes:
        reach: (D, 2), the change up to which each direction and side is compared; NaN if it is not.
        limited_by: for each direction and side, the space that reaches least.
        values: for each space and figure (n, D, 2, len(SHARES)); NaN where ``reach`` is.
        strengths: at which each space makes these changes, (D, 2, len(SHARES)); NaN where ``reach`` is.
    """

    reach: np.ndarray
    limited_by: list[list[str]]
    values: dict[str, Arrays]
    strengths: Arrays

    def mean(self, space: str, figure: str, direction: int | None = None) -> np.ndarray:
        """Each picture's mean over sides and directions, or over the sides of one: (n, len(SHARES)); NaN for none."""
        values = self.values[space][figure]
        kept = ~np.isnan(self.reach)
        if direction is not None:
            kept &= (np.arange(len(kept)) == direction)[:, None]
        if not kept.any():
            return np.full((len(values), len(SHARES)), np.nan)
        mean: np.ndarray = values[:, kept].mean(axis=1)
        return mean

    def changes(self, direction: int | None = None) -> np.ndarray:
        """The mean change at the shares, (len(SHARES),); NaN for none."""
        reach = self.reach if direction is None else self.reach[direction]
        mean = np.nan if np.isnan(reach).all() else np.nanmean(reach)
        return np.array(SHARES) * mean


def at_equal_change(edits: Mapping[str, Arrays], strengths: Sequence[float]) -> EqualChange:
    """Compare the edits (n, D, S) of several spaces, by the figure ``change`` among them."""
    directions = next(iter(edits.values()))["change"].shape[1]
    reach = np.full((directions, 2), np.nan)
    limited_by = [["", ""] for _ in range(directions)]
    n = len(next(iter(edits.values()))["change"])
    values = {space: {f: np.full((n, directions, 2, len(SHARES)), np.nan) for f in own} for space, own in edits.items()}
    made_at = {space: np.full((directions, 2, len(SHARES)), np.nan) for space in edits}
    for d in range(directions):
        for column, side in enumerate(SIDES):
            order = _outwards(strengths, side)
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


def _outwards(strengths: Sequence[float], side: int) -> list[int]:
    """Indices of the strengths from 0 on, on one side."""
    return sorted((i for i, s in enumerate(strengths) if s * side >= 0), key=lambda i: abs(strengths[i]))


def _place(made: np.ndarray, wanted: float) -> float:
    """Where, in steps, a piecewise linear curve that starts at 0 first reaches a value that it reaches."""
    if wanted <= 0:
        return 0.0
    after = int(np.argmax(made >= wanted * (1 - 1e-12)))
    before = made[after - 1]
    return after - 1 + min(1.0, float((wanted - before) / (made[after] - before)))


def _interpolated(values: np.ndarray, places: Sequence[float]) -> np.ndarray:
    """Values (n, steps) at places between the steps, (n, len(places))."""
    lower = np.minimum(np.floor(places).astype(int), values.shape[1] - 2)
    share = np.array(places) - lower
    between: np.ndarray = values[:, lower] * (1 - share) + values[:, lower + 1] * share
    return between
