"""What is compared, on which pictures, with which edits, and what measures it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from zplus_plugins._version import __version__
from zplus_plugins.errors import UsageError
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import Model, Point, Settings, Space
from zplus_plugins.inversion.inverter import Likeness
from zplus_plugins.system.cache import digest
from zplus_plugins.system.device import name_of

STRENGTHS = tuple(round(-2 + 0.4 * step, 1) for step in range(11))
PICTURES = 16  # drawn, and steps: minutes on two cores, in all spaces
MOST_PICTURES = 10_000
STEPS = 120
BATCH = 8
SHOWN = 6  # pictures of a set whose edits the report shows
LARGEST_SHOWN = 128  # pixels on a side
MOST_EDITS = 100  # so many rows of such pictures fit into an image of the report
MOST_STRENGTHS = 127  # and so many columns

Way = Literal["local", "global"]
Figure = Callable[[Tensor, Tensor], Tensor]
OfAttributes = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class Edit:
    """A direction to move in.

    Attributes:
        name: in tables.
        z: direction in Z of unit strength, (z_dim,) or (N, z_dim).
        w: the same direction in W, (w_dim,) or (N, w_dim).
        attribute: index of the attribute that it is to change; None if nobody knows.
    """

    name: str
    z: Tensor
    w: Tensor
    attribute: int | None = None


@dataclass(frozen=True)
class PictureSet:
    """Pictures that are compared together, apart from other sets: (n, 3, R, R) in [-1, 1]."""

    name: str
    title: str
    pictures: Tensor


@dataclass(frozen=True)
class Look:
    """What pictures show: their attributes (B, A), and who it is, unit vectors (B, D); None if that is not measured."""

    attributes: Tensor | None = None
    identity: Tensor | None = None


def _sees_nothing(pictures: Tensor) -> Look:
    return Look()


@dataclass(frozen=True)
class Instruments:
    """What measures. Those that are None are left out of the comparison, which says why.

    Attributes:
        figures: of pictures and targets, (B,) each, by name.
        look: what pictures show.
        change: of the wanted attribute between two measurements (B, A), (B,).
        leakage: of the others, (B,).
        nscd: of points, (B,).
        likeness: the perceptual loss of all inversions.
        encode: where F starts, of pictures.
        about: which networks these are, by name; a change is a change of the settings.
        missing: what is left out, and why.
    """

    figures: Mapping[str, Figure]
    look: Callable[[Tensor], Look] = _sees_nothing
    change: OfAttributes | None = None
    leakage: OfAttributes | None = None
    nscd: Callable[[Model, Point], Tensor] | None = None
    likeness: Likeness | None = None
    encode: Callable[[Tensor], Tensor] | None = None
    about: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One space on one batch of pictures: what is done at a stretch, and kept."""

    pictures: PictureSet
    space: Space
    batch: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.pictures.name}-{self.space.name.replace('/', '_')}-{self.batch:03}"


@dataclass(frozen=True)
class Plan:
    """A comparison.

    Attributes:
        sets: of pictures.
        spaces: to compare.
        edits: to make in each.
        settings: of the inversions, the same for all spaces.
        seed: of whatever is random.
        strengths: of each edit, in rising order, the same on both sides of 0.
        batch: pictures inverted at a time.
        shown: pictures of a set whose edits are kept for the report.
        way: of codes on the hypersphere: ``local``, each code's own way along the direction in W, or ``global``, the
            one direction in Z, as in the paper.

    Raises:
        UsageError: there are no pictures or no spaces, names come twice, there are too many edits or strengths, the
            strengths are not as above, with 0 among them, or a number is not above 0.
    """

    sets: tuple[PictureSet, ...]
    spaces: tuple[Space, ...]
    edits: tuple[Edit, ...] = ()
    settings: Settings = field(default_factory=Settings)
    seed: int = 0
    strengths: tuple[float, ...] = STRENGTHS
    batch: int = BATCH
    shown: int = SHOWN
    way: Way = "local"

    def __post_init__(self) -> None:
        if not self.spaces or not self.sets or not all(len(one.pictures) for one in self.sets):
            raise UsageError("There are no spaces or no pictures to compare; expected one at least, and in every set.")
        _require_different("sets of pictures", [pictures.name for pictures in self.sets])
        _require_different("spaces", [space.name for space in self.spaces])
        _require_different("directions", [edit.name for edit in self.edits])
        if len(self.edits) > MOST_EDITS:
            raise UsageError(f"{len(self.edits)} directions; expected {MOST_EDITS} at most. Compare some at a time.")
        if len(self.strengths) > MOST_STRENGTHS:
            raise UsageError(f"{len(self.strengths)} strengths; expected {MOST_STRENGTHS} at most.")
        sides = [-strength for strength in reversed(self.strengths)]
        if list(self.strengths) != sides or list(self.strengths) != sorted({*self.strengths, 0}):
            raise UsageError(f"The strengths {self.strengths}; expected 0 and the same rising ones on both its sides.")
        if min(self.batch, self.shown) < 1:
            raise UsageError(f"A batch of {self.batch} pictures, {self.shown} of them shown; expected 1 at least.")

    @property
    def steps(self) -> int:
        """Of one task: those of the optimizer, and one for each edit."""
        return self.settings.steps + len(self.edits) * len(self.strengths)

    def tasks(self) -> Iterator[Task]:
        """All of them, batch by batch, so that an interrupted comparison has all spaces of the first pictures."""
        for pictures in self.sets:
            for batch in range(-(-len(pictures.pictures) // self.batch)):
                for space in self.spaces:
                    yield Task(pictures, space, batch)

    def identified(self, model: Model, instruments: Instruments) -> dict[str, str]:
        """All on which a finished part depends, by name, as short texts: the spaces themselves and their number do not
        belong to it, so that more of them can be added later."""
        edits = {
            f"edit {edit.name}": f"attribute {edit.attribute}, {fingerprint(edit.z, edit.w)}" for edit in self.edits
        }
        return {
            "package": __version__,
            "torch": torch.__version__,
            "device": name_of(model.generator.const.device),
            "threads": str(torch.get_num_threads()),
            "generator": weights_hash(model.generator),
            "F's resolution": str(model.f_resolution),
            "noise": model.noise,
            "seed": str(self.seed),
            "batch": str(self.batch),
            "shown": str(self.shown),
            "way on the hypersphere": self.way,
            "strengths": " ".join(map(str, self.strengths)),
            **{f"setting {name}": str(value) for name, value in self.settings.stated().items()},
            **{f"pictures {s.name}": f"{len(s.pictures)}, {fingerprint(s.pictures)}" for s in self.sets},
            **edits,
            **{f"instrument {name}": text for name, text in instruments.about.items()},
            "figures": " ".join(instruments.figures),
        }


def _require_different(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"Two {what} have the name {twice[0]}: leave one out.")


def fingerprint(*tensors: Tensor) -> str:
    """A short name for these values."""
    return digest(*(t.detach().cpu().contiguous().numpy().tobytes() for t in tensors))[:16]
