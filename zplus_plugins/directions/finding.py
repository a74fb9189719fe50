"""``zplus directions``: find directions, and show what they do."""

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
from zplus_plugins.outputs import whole_folder
from zplus_plugins.portraits.files import sheet
from zplus_plugins.untrusted import DamagedError, arrayfile, checkpoint, told

SHOWN = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
_CODES = 4
_SEED = 11


def preview(model: Model, direction: Direction) -> Tensor:
    """Pictures of four random codes, each a row, that go ways of their own in Z+, as far as :data:`SHOWN`."""
    codes = random_codes(model.generator, _CODES, _SEED).z[:, None].repeat(1, model.generator.num_layers, 1)
    rows = [edited(model, Point(SPACES["zplus"], code[None]), direction, list(SHOWN), local=True) for code in codes]
    return torch.cat(rows)


def write_directions(
    model: Model,
    directions: list[Direction],
    out: Path,
    previews: bool = True,
    on_direction: Callable[[], object] = lambda: None,
) -> list[Path]:
    """Write a file for each direction, and a picture of what it does; all or none.

    Raises:
        RequirementError: they cannot be written.
    """
    written = []
    with whole_folder(out) as folder:
        for direction in directions:
            direction.save(folder / f"{direction.name}.npz")
            written.append(out / f"{direction.name}.npz")
            if previews:
                sheet(preview(model, direction), len(SHOWN)).save(folder / f"{direction.name}.png")
                written.append(out / f"{direction.name}.png")
            on_direction()
    return written


def read_w(path: Path) -> Tensor:
    """Somebody else's direction in W: a tensor in a ``.pt`` file, or an array in a ``.npy`` one; nothing in it is run.

    Raises:
        DirectionError: it cannot be read.
    """
    try:
        tensor = torch.from_numpy(arrayfile.load(path)) if path.suffix == ".npy" else checkpoint.load(path)
        if not isinstance(tensor, Tensor):
            raise DamagedError(f"it holds a {type(tensor).__name__}, no tensor")
        if tensor.is_complex():
            raise DamagedError("it holds complex numbers; expected real ones")
        return tensor.float()
    except FileNotFoundError:
        raise DirectionError(f"There is no direction {path} (looked in {Path.cwd()}).") from None
    except Exception as error:
        raise DirectionError(f"{path} cannot be read as a direction in W ({told(error)}).") from None
