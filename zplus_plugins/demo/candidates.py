"""The edits that the demo chooses from: single directions to both sides, and pairs and triples of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from zplus_plugins.hypersphere.draws import standard_normal

DIRECTIONS = {
    "smile": ("serious", "smiling"),
    "age": ("younger", "older"),
    "glasses": ("without glasses", "with glasses"),
    "hair_light": ("darker hair", "lighter hair"),
    "hair_length": ("shorter hair", "longer hair"),
}
"""Directions with titles for less and for more of the attribute. Pose is not among them: F holds it."""
MOST = 3
"""The most directions that are followed at once."""


@dataclass(frozen=True)
class Candidate:
    """Directions that are followed together, each with the whole strength.

    Attributes:
        signs: 1 or -1 for each direction, by its name.
    """

    signs: dict[str, int]

    @property
    def title(self) -> str:
        """What it changes, in words."""
        return ", ".join(DIRECTIONS[name][sign > 0] for name, sign in self.signs.items())


def candidates(names: Sequence[str], seed: int) -> list[Candidate]:
    """Every direction with both signs, then every pair and every triple, with signs drawn from the seed."""
    found = [Candidate({name: sign}) for name in names for sign in (1, -1)]
    for together in range(2, MOST + 1):
        chosen = list(combinations(names, together))
        signs = standard_normal(len(chosen), together, seed=seed).sign().int().tolist()
        found += [Candidate(dict(zip(of, drawn, strict=True))) for of, drawn in zip(chosen, signs, strict=True)]
    return found
