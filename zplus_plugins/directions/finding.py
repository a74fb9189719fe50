"""``zplus directions``: write the directions that were found, and preview their effect.

:mod:`unsupervised`, :mod:`boundary` and :mod:`pursuit` find them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.edit import edited
from zplus_plugins.directions.lengths import random_codes
from zplus_plugins.errors import DirectionError
from zplus_plugins.inversion import SPACES, Model, Point
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.records.directions import read_direction
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


def read_w(path: Path) -> Tensor:
    """Read a given direction in W: a tensor in a ``.pt`` file, or an array in a ``.npy`` or ``.npz`` file.

    Raises:
        DirectionError: it cannot be read.
    """
    try:
        return read_direction(path)
    except DirectionError as error:
        raise DirectionError(
            f"{error} Give a tensor saved by torch.save (.pt), or an array saved by NumPy (.npy, .npz)."
        ) from None
