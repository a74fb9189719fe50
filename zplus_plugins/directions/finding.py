"""``zplus directions``: write the directions that were found, and preview their effect.

:mod:`unsupervised`, :mod:`boundary` and :mod:`pursuit` find them; :class:`Search` is that by scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from zplus_plugins.directions.boundary import CODES, calibration_images, find_of_table, find_scored, require_findable
from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.edit import edited
from zplus_plugins.directions.embedded import portrait_scores
from zplus_plugins.directions.given import find_from_z
from zplus_plugins.directions.lengths import random_codes
from zplus_plugins.directions.pursuit import find_by_chase
from zplus_plugins.directions.scores import Choice, Named, Scores, Table, report
from zplus_plugins.directions.scores.choice import ATTRIBUTES, EXPECTED, attributes_of
from zplus_plugins.errors import DirectionError, UsageError
from zplus_plugins.inversion import SPACES, Model, Point
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.records.directions import read_component, read_direction
from zplus_plugins.system.console import columns
from zplus_plugins.system.results import Results, Settings, result_name

SHOWN = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
_CODES = 4
_SEED = 11


def preview(model: Model, direction: Direction) -> Tensor:
    """Images of four random codes, one per row, which follow their own paths in Z+ to the strengths :data:`SHOWN`."""
    codes = random_codes(model.generator, _CODES, _SEED).z[:, None].repeat(1, model.generator.num_layers, 1)
    rows = [edited(model, Point(SPACES["zplus"], code[None]), direction, list(SHOWN), local=True) for code in codes]
    return torch.cat(rows)


def file_names(name: str, previews: bool) -> list[str]:
    """The file names of a direction's results."""
    return [result_name(name, suffix) for suffix in ((".npz", ".png") if previews else (".npz",))]


def write_directions(
    model: Model,
    directions: list[Direction],
    results: Results,
    settings: Settings,
    previews: bool = True,
    on_direction: Callable[[], object] = lambda: None,
) -> None:
    """Write a file for each direction, and a preview image; all or none.

    Raises:
        RequirementError: they cannot be written.
    """
    with results.writing(settings) as folder:
        for direction in directions:
            direction.save(folder / result_name(direction.name, ".npz"))
            if previews:
                sheet(preview(model, direction), len(SHOWN)).save(folder / result_name(direction.name, ".png"))
            on_direction()


@dataclass(frozen=True)
class Given:
    """A direction from another source, to be made one of a generator's.

    Attributes:
        vector: as read.
        space: in which it lies.
        name: that the direction gets, from its file's.
    """

    vector: Tensor
    space: Literal["w", "z"]
    name: str

    @classmethod
    def read(cls, path: Path, space: Literal["w", "z"], component: int | None = None) -> Given:
        """Read a tensor in a ``.pt`` file, an array in a ``.npy`` or ``.npz`` file, or a component of GANSpace.

        Args:
            path: the file.
            space: the space that it lies in.
            component: the component of a GANSpace file; None for other files.

        Raises:
            DirectionError: it cannot be read.
        """
        if component is not None:
            return cls(read_component(path, component, space), space, f"{path.stem}-{component:02}")
        try:
            return cls(read_direction(path), space, path.stem)
        except DirectionError as error:
            raise DirectionError(
                f"{error} Give a tensor saved by torch.save (.pt), an array saved by NumPy (.npy, .npz), or a "
                "GANSpace file (.npz) with --component N."
            ) from None

    def found(self, model: Model, seed: int) -> Direction:
        """The direction as one of a model's generator.

        Raises:
            DirectionError: it has another shape, is zero or not finite, or its name cannot be a file name.
        """
        find = find_by_chase if self.space == "w" else find_from_z
        return find(model, self.vector, self.name, seed=seed)


@dataclass(frozen=True)
class Search:
    """A search for directions of attributes, by scores.

    Attributes:
        scores: of images, or of those in a table.
        names: of the attributes that directions are wanted of.
        codes, seed: number and seed of the random codes; of a table, which has its own, only the number.
    """

    scores: Scores | Table
    names: tuple[str, ...]
    codes: int
    seed: int

    @classmethod
    def of(
        cls,
        model: Model,
        choice: Choice,
        attributes: tuple[str, ...],
        codes: int = CODES,
        seed: int = 0,
        device: str = "cpu",
    ) -> Search:
        """Open the scores, and check them as far as that needs no work.

        Args:
            model: of the generator.
            choice: of the scores.
            attributes: that are wanted; none for all.
            codes, seed: number and seed of the random codes, unless the scores are a table.
            device: where networks compute.

        Raises:
            UsageError: there are no such attributes.
            ZPlusError: the scores cannot be used; see :class:`Choice`.
        """
        with torch.no_grad():
            sample = model.pictures(Point(SPACES["z"], random_codes(model.generator, 2, seed).z[:, None]))
        of_portraits = choice.scores == ATTRIBUTES
        scores = _of_portraits(model) if of_portraits else choice.opened(sample, device)
        names = attributes_of(scores, attributes)
        if isinstance(scores, Table):
            codes = len(scores.seeds)
        search = cls(scores, names, codes, seed)
        require_findable(names, search.codes)
        return search

    @property
    def settings(self) -> Settings:
        """All on which the directions depend, beside the generator and the seed."""
        return {"scores": self.scores.key, "codes": str(self.codes)}

    @property
    def images(self) -> int:
        """How many images are made: of the codes, and for the calibration."""
        return 0 if isinstance(self.scores, Table) else self.codes + calibration_images(len(self.names))

    def found(self, model: Model, on_images: Callable[[int], object]) -> list[Direction]:
        """The directions; ``on_images`` is called with the number of images made since the last call."""
        if isinstance(self.scores, Table):
            return find_of_table(model, self.scores, self.names)
        return find_scored(model, self.scores, self.names, self.codes, self.seed, on_images, on_images)


def require_scores(scores: str | None, embedded: bool) -> None:
    """Require that a generator other than the embedded one has scores of its own.

    Raises:
        UsageError: it has none.
    """
    if not embedded and scores in (None, ATTRIBUTES):
        found = "" if scores is None else f" {ATTRIBUTES} are those of the embedded generator's drawn portraits;"
        raise UsageError(f"--method interfacegan needs --scores of this generator's images:{found} {EXPECTED}.")


def _of_portraits(model: Model) -> Scores:
    names, scores = portrait_scores(model.generator.w_mean.device)
    return Named(names, ATTRIBUTES, scores)


def told(directions: Sequence[Direction]) -> str:
    """A table of what was measured of directions found by scores, and below it what is wrong with them."""
    measured = [(direction.name, direction.about) for direction in directions]
    lines = ["what the directions do:", columns(report.table(measured))]
    left_out = {name: about["left_out"] for name, about in measured if about["left_out"]}
    if left_out:
        lines.append(f"images without a score, left out: {', '.join(f'{name} {n}' for name, n in left_out.items())}.")
    lines += [f"caution: {text}" for name, about in measured for text in report.cautions(name, about)]
    return "\n".join(lines)
