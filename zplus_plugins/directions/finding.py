"""``zplus directions``: write the directions that were found, and preview their effect.

:mod:`unsupervised`, :mod:`boundary` and :mod:`pursuit` find them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.edit import edited
from zplus_plugins.directions.given import find_from_z
from zplus_plugins.directions.lengths import random_codes
from zplus_plugins.directions.pursuit import find_by_chase
from zplus_plugins.errors import DirectionError
from zplus_plugins.inversion import SPACES, Model, Point
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.records.directions import read_component, read_direction
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
