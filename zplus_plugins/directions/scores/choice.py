"""Which scores are meant by ``--scores`` and the options beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zplus_plugins.directions.scores.own import Own, is_own
from zplus_plugins.directions.scores.pixels import Pixels
from zplus_plugins.directions.scores.protocol import Scores
from zplus_plugins.directions.scores.table import Table
from zplus_plugins.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

ATTRIBUTES = "attributes"
"""Scores of the embedded generator's portraits by the embedded regressor, which are not opened here."""
KINDS = ("pixels", "landmarks", "clip")
EXPECTED = f"expected {', '.join(KINDS)}, FILE.csv, FILE.py:NAME or MODULE:NAME"


@dataclass(frozen=True)
class Choice:
    """Scores that a user has chosen.

    Attributes:
        scores: one of :data:`KINDS`, a CSV, or a function.
        texts, against, weights, model: of CLIP.

    Raises:
        UsageError: there are no such scores, or options of CLIP are missing, or given without it.
    """

    scores: str
    texts: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    weights: Path | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if self.scores == "clip":
            if not self.texts or not self.against:
                raise UsageError(
                    "--scores clip needs two texts: --text for what there should be more of, and --against for the "
                    'opposite, such as --text "a smiling face" --against "a serious face".'
                )
        elif self.texts or self.against or self.weights or self.model:
            raise UsageError(
                f"--text, --against, --clip-weights and --clip-model are only for --scores clip, not {self.scores}: "
                "leave them out."
            )
        if self.scores not in (ATTRIBUTES, *KINDS) and not self.is_table and not is_own(self.scores):
            raise UsageError(f"There are no scores {self.scores!r}; {EXPECTED}.")

    @property
    def is_table(self) -> bool:
        """Whether they are in a CSV."""
        return self.scores.lower().endswith(".csv")

    def opened(self, sample: Tensor, device: str = "cpu") -> Scores | Table:
        """The scores, ready for use.

        Args:
            sample: images (B, 3, R, R) of the generator, with which a function is tried.
            device: where networks compute.

        Raises:
            ZPlusError: they cannot be used; see :class:`Own`, :class:`Table`, :mod:`clip` and :mod:`landmarks`.
        """
        if self.is_table:
            return Table.read(Path(self.scores))
        if self.scores == "pixels":
            return Pixels()
        if self.scores == "landmarks":
            from zplus_plugins.directions.scores.landmarks import Landmarks

            return Landmarks(device=device)
        if self.scores == "clip":
            from zplus_plugins.directions.scores.clip import MODEL, Clip

            return Clip(self.texts, self.against, self.weights, self.model or MODEL, sample.device)
        return Own(self.scores, sample)


def attributes_of(scores: Scores | Table, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The attributes to find directions of: those that are wanted, or all.

    Raises:
        UsageError: there are no scores of one.
    """
    unknown = [name for name in wanted if name not in scores.names]
    if unknown:
        raise UsageError(f"There are no scores of {', '.join(unknown)}; there are of {', '.join(scores.names)}.")
    return tuple(dict.fromkeys(wanted)) or scores.names
