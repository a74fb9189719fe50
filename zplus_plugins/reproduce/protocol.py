"""What it takes to measure a paper's table again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.inversion import SPACES, Settings


@dataclass(frozen=True)
class Row:
    """A row of a published table.

    Attributes:
        label: its name there.
        space: our space that stands for it; None for a method that is not run here.
        published: its published figures by metric; empty if we know of none.
        remark: how the row is to be had, or what is known of it.
    """

    label: str
    space: str | None
    published: Mapping[str, float] = field(default_factory=dict)
    remark: str = ""

    @classmethod
    def of_space(cls, space: str, published: Mapping[str, float] | None = None) -> Row:
        """A row that is named like a space."""
        return cls(SPACES[space].title, space, published or {})


@dataclass(frozen=True)
class Protocol:
    """A table or figure of a paper.

    Attributes:
        name: its name on the command line.
        title: what it shows.
        source: where the published figures are from.
        figures: names of the metrics, in the order of the columns.
        rows: the rows, in the order of the table.
        settings: of the inversions, the same for all rows.
        reference: what these settings are from.
        digits: after the point, of the published figures.
        pictures: number of images.
        truncation: of style codes mapped from Z and Z+.
        directions: number of editing directions; 0 for no edits.
        tested: whether F/Z+ is tested against F/W+(P_N).
        notes: what is not known of the original, or is different here; printed below the table.
    """

    name: str
    title: str
    source: str
    figures: tuple[str, ...]
    rows: tuple[Row, ...]
    settings: Settings
    reference: str
    digits: int
    pictures: int = 50
    truncation: Truncation = field(default_factory=Truncation)
    directions: int = 0
    tested: bool = False
    notes: tuple[str, ...] = ()

    @property
    def spaces(self) -> tuple[str, ...]:
        """Names of the spaces that are run."""
        return tuple(row.space for row in self.rows if row.space is not None)
