"""What ``zplus edit`` is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from zplus_plugins.directions.edit import strengths_of
from zplus_plugins.directions.edits.combination import Wish
from zplus_plugins.directions.edits.film import Film
from zplus_plugins.errors import UsageError

SERIES = "-3:3:11"


@dataclass(frozen=True)
class Request:
    """What is to be done with each record.

    Attributes:
        wishes: the directions.
        strengths: of the direction that has none of its own; none if all have one.
        layers: the first and the last layer to move; None for those that the directions move.
        local: as for :meth:`~zplus_plugins.directions.edits.combination.Combination.move`.
        mask, feather: as for :meth:`~zplus_plugins.directions.edits.region.Region.of`; no mask for whole images.
        film: to be made of the edit; its name is that of the file, or a format.
        paste: the photograph that the edits are to be put into, or ``auto``; None for none.
        match_colour: whether they first get the photograph's colours.
    """

    wishes: tuple[Wish, ...]
    strengths: tuple[float, ...]
    layers: tuple[int, int] | None = None
    local: bool = True
    mask: str | None = None
    feather: float = 0.0
    film: Film | None = None
    paste: str | None = None
    match_colour: bool = False

    @classmethod
    def of(
        cls,
        directions: Sequence[str],
        strength: str | None,
        layers: tuple[int, int] | None = None,
        local: bool = True,
        mask: str | None = None,
        feather: float = 0.0,
        film: Film | None = None,
        paste: str | None = None,
        match_colour: bool = False,
    ) -> Request:
        """A request as it was typed.

        Args:
            directions: each ``NAME`` or ``NAME=STRENGTH``.
            strength: ``START:STOP:COUNT``, or a number; None for the usual series.
            layers, local, mask, feather, film, paste, match_colour: see above.

        Raises:
            UsageError: a strength is none, or there is nothing that could have it.
        """
        wishes = tuple(map(Wish.of, directions))
        strengths: tuple[float, ...] = ()
        alone = wishes[0].strength if len(wishes) == 1 else None
        if alone is not None and strength is None:
            wishes, strengths = (Wish(wishes[0].name),), (alone,)
        elif any(wish.strength is None for wish in wishes):
            strengths = tuple(strengths_of(SERIES if strength is None else strength))
        elif strength is not None:
            raise UsageError(
                f"--strength {strength} is the strength of a direction that has none of its own, and all have one. "
                f"Leave it out, or give one of them as --direction {wishes[-1].name}."
            )
        return cls(wishes, strengths, layers, local, mask, feather, film, paste, match_colour)

    @property
    def shown(self) -> tuple[float, ...]:
        """The strengths of the images; 1, the share of the whole edit, if nothing varies."""
        return self.strengths or (1.0,)

    @property
    def filmed(self) -> list[float]:
        """The strengths of the frames along the film's path; a film of a single strength begins at 0."""
        if self.film is None:
            return []
        start = self.strengths[0] if len(self.strengths) > 1 else 0.0
        return torch.linspace(start, self.shown[-1], self.film.frames, dtype=torch.float64).tolist()

    def require_fit(self, records: int) -> None:
        """Require that the films of several records do not have one name.

        Raises:
            UsageError: they do.
        """
        if self.film is not None and self.film.has_name and records > 1:
            kind = self.film.file.rpartition(".")[2]
            raise UsageError(
                f"--video {self.film.file} is one file, and there are {records} records. Give the format, --video "
                f"{kind}, and each film is named after its record."
            )
