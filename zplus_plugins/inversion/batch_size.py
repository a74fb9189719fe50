"""How many images are inverted together.

The last digits of a result depend on the images that were inverted with it. So batches are cut from the list of images
alone, not by what is finished or how much memory there is: the list is cut into pieces of one size, and, if those do
not fit, each of them into equal parts. The results of batches of 4 are then the same whether 4 were wanted or 8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
USUAL = 8
_SETTING = "batch"


@dataclass(frozen=True)
class BatchSize:
    """The number of images that are inverted together.

    Attributes:
        images: the number.
        wanted: the number before memory ran out.
    """

    images: int = USUAL
    wanted: int = USUAL

    @property
    def piece(self) -> int:
        """The size of the pieces of the list, of which batches are parts; the same for all sizes that divide 8."""
        return self.wanted if USUAL % self.wanted else USUAL

    def stated(self) -> dict[str, str]:
        """The size as a setting of results; nothing for 8, because results of earlier versions do not state it."""
        if self.images == self.wanted:
            return {} if self.images == USUAL else {_SETTING: str(self.images)}
        return {_SETTING: f"{self.images}, because {self.wanted} did not fit"}

    @classmethod
    def asked(cls, batch: int | None) -> BatchSize:
        """The size that was asked for; 8 if none was."""
        return cls() if batch is None else cls(batch, batch)

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> BatchSize:
        """The size that a result's settings state."""
        numbers = [int(number) for number in re.findall(r"\d{1,4}", settings.get(_SETTING, ""))] or [USUAL]
        return cls(max(1, numbers[0]), max(1, numbers[-1]))

    def halved(self) -> BatchSize:
        """The next smaller size, after this one did not fit: a divisor of it, so that batches are parts of these."""
        half = self.images // 2
        return BatchSize(next(n for n in range(half, 0, -1) if self.images % n == 0), self.wanted)

    def agrees_with(self, wanted: int | None) -> bool:
        """Whether results of this size are what was asked for: a number, or None for any."""
        return wanted in (None, self.images, self.wanted)


def pieces(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Consecutive pieces of a list."""
    return [items[first : first + size] for first in range(0, len(items), size)]
