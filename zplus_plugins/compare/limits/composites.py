"""Composite edits, pairs and triples of a few directions with signs, and the portraits that they should give."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.compare.work.plan import Edit
from zplus_plugins.errors import UsageError
from zplus_plugins.portraits.drawing.attributes import ATTRIBUTES
from zplus_plugins.portraits.networks.regressor import MEASURED, NAMES

MOST_DIRECTIONS = 5
STRENGTHS = tuple(0.75 * step for step in range(9))
"""From 0 to 6. With 25 composites they are 200 pictures of a portrait in a space: some 5 CPU seconds at 64 px."""
GROUPS = ("singles", "pairs", "triples")


class Composites:
    """All singles, pairs and triples of the first directions of different attributes, :data:`MOST_DIRECTIONS` at most.

    In the shapes below, N are composites of portraits, C all composites of one, D the directions, L layers, A the
    measured attributes (:data:`~zplus_plugins.portraits.networks.regressor.MEASURED`).

    Args:
        edits: directions of a comparison.

    Attributes:
        edits: those that are used.
        members: indices of the edits of each composite, in the order of the groups.
        missing: what is left out, and why.

    Raises:
        UsageError: fewer than three attributes that are known are changed.
    """

    def __init__(self, edits: Sequence[Edit]) -> None:
        first: dict[int, Edit] = {}
        self.missing: dict[str, str] = {}
        for edit in edits:
            if edit.attribute is None:
                why = "the attribute that it changes is not known"
            elif edit.attribute in first:
                why = f"{first[edit.attribute].name} changes the same attribute"
            elif len(first) == MOST_DIRECTIONS:
                why = f"no more than {MOST_DIRECTIONS} are combined"
            else:
                first[edit.attribute] = edit
                continue
            self.missing[f"limits along {edit.name}"] = why
        if len(first) < len(GROUPS):
            raise UsageError(
                f"--limits combines three directions of different attributes, but those here change {len(first)} that "
                "are known. Give three or more of attributes in docs/portraits.md with --direction; without it, the "
                "embedded generator's own are used."
            )
        self.edits, self._columns = list(first.values()), list(first)
        several = range(len(self.edits))
        self.members = [chosen for size in range(1, 1 + len(GROUPS)) for chosen in combinations(several, size)]

    def __len__(self) -> int:
        return len(self.members)

    def of_group(self, group: str) -> list[int]:
        """Indices of the composites of a group."""
        return [c for c, chosen in enumerate(self.members) if len(chosen) == 1 + GROUPS.index(group)]

    def signs(self, seed: int, portrait: int) -> np.ndarray:
        """The signs (C, D) of every direction in every composite, for one portrait; 0 where it is no member."""
        drawn = np.random.default_rng([seed, portrait]).choice((-1, 1), size=(len(self), len(self.edits)))
        member = np.array([[d in chosen for d in range(len(self.edits))] for chosen in self.members])
        signed: np.ndarray = np.where(member, drawn, 0)
        return signed

    def directions(self, signs: np.ndarray, layers: int) -> tuple[Tensor, Tensor]:
        """The sums of signed directions in Z and in W, for signs (N, D): (N, L, z_dim) and (N, L, w_dim)."""
        weights = torch.from_numpy(signs).float()

        def summed(directions: list[Tensor]) -> Tensor:
            return torch.einsum(
                "nd,dlk->nlk", weights, torch.stack([one.cpu().expand(layers, -1) for one in directions])
            )

        return summed([edit.z for edit in self.edits]), summed([edit.w for edit in self.edits])

    def changes(self, signs: np.ndarray, before: Tensor, after: Tensor) -> Tensor:
        """How far the wanted attributes moved towards where they should, (N,): the mean over a composite's members.

        Args:
            signs: (N, D).
            before, after: attributes (N, A), as shares of their ranges.
        """
        weights = torch.from_numpy(signs).float()
        return ((after - before)[:, self._columns] * weights).sum(dim=1) / weights.abs().sum(dim=1)

    def truly_edited(self, signs: np.ndarray, attributes: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Attributes of the drawn portraits with the same edit: the wanted ones moved as far as they did, no other.

        Args:
            signs: (N, D).
            attributes: of the portraits that were inverted, (N, all attributes).
            before, after: measured attributes (N, A), as shares of their ranges.

        Returns:
            (N, all attributes); those that moved are within their ranges.
        """
        edited = attributes.clone()
        places = [attribute.name for attribute in ATTRIBUTES]
        for d, column in enumerate(self._columns):
            one, own = MEASURED[column], edited[:, places.index(NAMES[column])]
            moved = (after - before)[:, column] * (one.high - one.low) * torch.from_numpy(signs[:, d] != 0)
            own.copy_(torch.where(moved != 0, (own + moved).clamp(one.low, one.high), own))
        return edited
