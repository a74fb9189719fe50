"""What ``zplus studio`` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zplus_plugins.errors import DirectionError
from zplus_plugins.generators.network.label import Label
from zplus_plugins.inversion.domain import Choice
from zplus_plugins.studio.inverting.options import Align, Order
from zplus_plugins.system.results import MARK


@dataclass(frozen=True)
class Request:
    """A studio.

    Attributes:
        paths: images, records, and folders of them.
        generator: its file; None for the embedded one.
        label: as for :func:`~zplus_plugins.generators.load_generator`.
        directions: files of directions.
        folder: with more of them.
        steps, align, likeness: of inversions, as for :class:`~zplus_plugins.studio.inverting.options.Order`.
        out: the folder of results.
        device: to compute on.
    """

    paths: tuple[Path, ...]
    generator: Path | None
    label: Label | None
    directions: tuple[Path, ...]
    folder: Path | None
    steps: int
    align: Align
    likeness: Choice
    out: Path
    device: str

    @property
    def all_directions(self) -> list[Path]:
        """The files of directions.

        Raises:
            DirectionError: there is none in the folder.
        """
        inside = [] if self.folder is None else sorted(self.folder.glob(f"*{MARK}.npz"))
        if self.folder is not None and not inside:
            raise DirectionError(
                f"There is no direction in the folder {self.folder}; expected *{MARK}.npz, as zplus directions writes."
            )
        return [*self.directions, *inside]

    @property
    def order(self) -> Order:
        """How photographs are inverted."""
        return Order(
            steps=self.steps,
            align=self.align,
            device=self.device,
            generator=self.generator,
            label=self.label,
            likeness=self.likeness,
        )
