"""How photographs are inverted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zplus_plugins.errors import UsageError
from zplus_plugins.generators.network.label import Label
from zplus_plugins.inversion import SPACES, Settings, Space, space_named
from zplus_plugins.inversion.domain import Choice
from zplus_plugins.photos.detectors import DEFAULT
from zplus_plugins.photos.faces import Detector

Align = Literal["auto", "on", "off"]
ALIGNS: tuple[Align, ...] = ("auto", "on", "off")


@dataclass(frozen=True)
class Order:
    """How every photograph is inverted; it can be pickled.

    Attributes:
        spaces: names of the spaces, into which a photograph is inverted one after the other.
        steps: number of Adam steps in each of them.
        align: whether faces are found, and each cut out as for the data set FFHQ: ``on`` does so with every photograph,
            and ``off`` with none. ``auto`` does so unless the picture is aligned already, as far as one can tell: it is
            square and has the generator's resolution, or it is an image that ``zplus align`` has written, which says
            so. With the embedded generator, ``auto`` never does: its portraits are drawn, and no detector of faces in
            photographs finds theirs. A square picture that is not to be aligned is used whole; of another one, the
            square in its middle.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        generator: its file; None for the embedded one.
        label: as for :func:`~zplus_plugins.generators.load_generator`.
        detector: of faces; one that is given as an object must be picklable.
        likeness: the perceptual loss, as for :func:`~zplus_plugins.inversion.domain.open_domain`.

    Raises:
        UsageError: there is no such space or choice, one is given twice, or the number of steps is below 1.
    """

    spaces: tuple[str, ...] = ("f/wplus", "f/zplus")
    steps: int = Settings.steps
    align: Align = "auto"
    device: str = "cpu"
    generator: Path | None = None
    label: Label | None = None
    detector: Detector | str = DEFAULT
    likeness: Choice = "auto"

    def __post_init__(self) -> None:
        if not self.spaces or len(set(self.spaces)) < len(self.spaces):
            raise UsageError(
                f"The spaces to invert into are {', '.join(self.spaces) or 'none'}; expected one or more of "
                f"{', '.join(SPACES)}, none twice."
            )
        for name in self.spaces:
            space_named(name)
        if self.steps < 1:
            raise UsageError(f"An inversion cannot have {self.steps} steps; expected at least 1.")
        if self.align not in ALIGNS:
            raise UsageError(f"--align {self.align}: expected one of {', '.join(ALIGNS)}.")

    @property
    def settings(self) -> Settings:
        """Those of ``zplus invert`` with this number of steps."""
        return Settings(steps=self.steps)

    @property
    def opened_spaces(self) -> tuple[Space, ...]:
        """The spaces, in order."""
        return tuple(map(space_named, self.spaces))
