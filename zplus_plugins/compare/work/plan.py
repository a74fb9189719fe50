"""The plan of a comparison: spaces, images, edits and metrics."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from zplus_plugins._version import __version__
from zplus_plugins.compare.work.pictures import StreamedPictures
from zplus_plugins.errors import UsageError
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import Model, Point, Settings, Space
from zplus_plugins.inversion.step.graph import Choice
from zplus_plugins.inversion.step.precision import Likeness
from zplus_plugins.system.cache import digest
from zplus_plugins.system.device import name_of

STEP = 0.4  # from one strength to the next
FURTHEST = 8.0
"""The largest strength that may be asked for, four times the paper's."""


def strengths_up_to(most: float) -> tuple[float, ...]:
    """Strengths from -most to most, 0 included, in equal steps of at most :data:`STEP`."""
    steps = math.ceil(most / STEP - 1e-9)
    return tuple(round(most * step / steps, 9) + 0.0 for step in range(-steps, steps + 1))


STRENGTHS = strengths_up_to(2)
PICTURES = 16  # with STEPS, this takes minutes on two cores, in all spaces
MOST_PICTURES = 10_000
STEPS = 120
BATCH = 8
SHOWN = 6  # images of a set whose edits the report shows
LARGEST_SHOWN = 128  # pixels on a side
MOST_EDITS = 100  # rows of such images that fit into a sprite of the report
MOST_STRENGTHS = 127  # columns that fit

Way = Literal["local", "global"]
Figure = Callable[[Tensor, Tensor], Tensor]
OfAttributes = Callable[[Tensor, Tensor, int], Tensor]


@dataclass(frozen=True)
class Edit:
    """An editing direction.

    Attributes:
        name: its name in tables.
        z: direction in Z of unit strength, (z_dim,) or (L, z_dim).
        w: the same direction in W, (w_dim,) or (L, w_dim).
        attribute: index of the attribute that it should change; None if unknown.
    """

    name: str
    z: Tensor
    w: Tensor
    attribute: int | None = None


@dataclass(frozen=True)
class PictureSet:
    """A set of images (B, 3, R, R) in [-1, 1], evaluated separately from other sets; in memory, or in files."""

    name: str
    title: str
    pictures: Tensor | StreamedPictures

    @property
    def fingerprint(self) -> str:
        """A short hash of the images."""
        pictures = self.pictures
        return fingerprint(pictures) if isinstance(pictures, Tensor) else pictures.fingerprint


@dataclass(frozen=True)
class Look:
    """Attributes (B, A) and identities (unit vectors, (B, D)) of images; None for what is not measured."""

    attributes: Tensor | None = None
    identity: Tensor | None = None


def _sees_nothing(pictures: Tensor) -> Look:
    return Look()


@dataclass(frozen=True)
class Instruments:
    """The metrics and losses of a comparison. Those that are None are left out; ``missing`` says why.

    Attributes:
        figures: metrics (B,) of images and targets, by name.
        look: measures attributes and identity.
        change: change (B,) of the target attribute between two measurements (B, A).
        leakage: change (B,) of the other attributes.
        nscd: NSCD (B,) of points.
        likeness: the perceptual loss of all inversions.
        encode: from images to the start of F.
        about: descriptions of the networks, by name; they count as settings.
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
    """One space on one batch of images: the unit of work, whose results are stored.

    Attributes:
        pictures: the set.
        space: the space.
        batch: which batch of the set, counted from 0.
        first: index of the first image of ``pictures`` in the whole set.
    """

    pictures: PictureSet
    space: Space
    batch: int
    first: int = 0

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.pictures.name}-{self.space.name.replace('/', '_')}-{self.batch:03}"

    def targets(self, size: int) -> Tensor:
        """Its images (B, 3, R, R), of batches of this size."""
        first = self.batch * size - self.first
        return self.pictures.pictures[first : first + size]

    def alone(self, size: int) -> Task:
        """The same task with only its own images, to send elsewhere."""
        own = self.targets(size).clone()  # a view would be pickled with all others
        return replace(self, pictures=replace(self.pictures, pictures=own), first=self.batch * size)


@dataclass(frozen=True)
class Plan:
    """A comparison.

    Attributes:
        sets: sets of images.
        spaces: spaces to compare.
        edits: edits to make in each space.
        settings: settings of the inversions, the same for all spaces.
        seed: seed of everything random.
        strengths: strengths of each edit, increasing, symmetric about 0 and including it.
        batch: number of images inverted together.
        shown: number of images in a set whose edits are kept for the report.
        way: how codes on the hypersphere move: ``local``, each along its own path for the direction in W, or
            ``global``, all along one direction in Z, as in the paper.
        graph: whether steps are replayed as CUDA graphs, as for :func:`~zplus_plugins.inversion.invert`; parts do not
            depend on it.

    Raises:
        UsageError: there are no images or no spaces, names are repeated, there are too many edits or strengths, the
            strengths are not as described, or a number is not positive.
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
    graph: Choice = "off"

    def __post_init__(self) -> None:
        if not self.spaces or not self.sets or not all(len(one.pictures) for one in self.sets):
            raise UsageError("There are no spaces, or a set has no images; expected at least one of each.")
        _require_different("sets of images", [pictures.name for pictures in self.sets])
        _require_different("spaces", [space.name for space in self.spaces])
        _require_different("directions", [edit.name for edit in self.edits])
        if len(self.edits) > MOST_EDITS:
            raise UsageError(f"{len(self.edits)} directions; expected at most {MOST_EDITS}. Use fewer at a time.")
        if len(self.strengths) > MOST_STRENGTHS:
            raise UsageError(f"{len(self.strengths)} strengths; expected at most {MOST_STRENGTHS}.")
        sides = [-strength for strength in reversed(self.strengths)]
        if list(self.strengths) != sides or list(self.strengths) != sorted({*self.strengths, 0}):
            raise UsageError(f"The strengths are {self.strengths}; expected increasing ones, symmetric about 0.")
        if min(self.batch, self.shown) < 1:
            raise UsageError(f"A batch of {self.batch} images, {self.shown} of them shown; expected at least 1.")

    @property
    def steps(self) -> int:
        """Steps of one task: those of the optimizer, and one for each edit and strength."""
        return self.settings.steps + len(self.edits) * len(self.strengths)

    def tasks(self) -> Iterator[Task]:
        """All tasks, batch by batch, so that an interrupted comparison has all spaces for the first images."""
        for pictures in self.sets:
            for batch in range(-(-len(pictures.pictures) // self.batch)):
                for space in self.spaces:
                    yield Task(pictures, space, batch)

    def without_pictures(self) -> Plan:
        """The same plan, to send elsewhere; its tasks are sent with their images."""
        plan = copy.copy(self)
        object.__setattr__(plan, "sets", ())
        return plan

    def identified(self, model: Model, instruments: Instruments) -> dict[str, str]:
        """Everything on which a finished part depends, by name, as short texts. This excludes the list of spaces, so
        that more of them can be added later."""
        edits = {
            f"edit {edit.name}": f"attribute {edit.attribute}, {fingerprint(edit.z, edit.w)}" for edit in self.edits
        }
        return {
            "package": __version__,
            "torch": torch.__version__,
            "device": name_of(model.generator.w_mean.device),
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
            **{f"pictures {s.name}": f"{len(s.pictures)}, {s.fingerprint}" for s in self.sets},
            **edits,
            **{f"instrument {name}": text for name, text in instruments.about.items()},
            "figures": " ".join(instruments.figures),
        }


def _require_different(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"Two {what} are named {twice[0]}: leave one out.")


def fingerprint(*tensors: Tensor) -> str:
    """A short hash of these values."""
    return digest(*(t.detach().cpu().contiguous().numpy().tobytes() for t in tensors))[:16]
