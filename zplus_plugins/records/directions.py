"""Somebody else's direction: a single array in a file, read without running anything of it.

What is wrong is told in one form, "The direction FILE ...", to which callers add what to do.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.errors import DirectionError
from zplus_plugins.records.arrays import ContentError, read_npy, read_npz
from zplus_plugins.untrusted import DamagedError, checkpoint, told


def read_direction(path: Path, *, of_torch: bool = False) -> Tensor:
    """The direction in a file: an array in a ``.npy`` or a ``.npz``, a tensor of ``torch.save`` in any other.

    Args:
        path: of the file.
        of_torch: whether it must be of ``torch.save``, whatever its name, as for a script that loads it so.

    Returns:
        A tensor of float32 on the CPU, of the file's shape.

    Raises:
        DirectionError: it cannot be read, or holds something else than real numbers.
    """
    try:
        return _real(_content(path, "" if of_torch else path.suffix))
    except FileNotFoundError:
        raise DirectionError(f"There is no direction file {path} (looked in {Path.cwd()}).") from None
    except Exception as error:  # what nobody vouches for can fail in any way
        raise DirectionError(f"The direction {path} cannot be read: {told(error)}.") from None


def fits(direction: Tensor, layers: int, dim: int) -> bool:
    """Whether a direction is of all layers, (dim,) or (1, dim), or of each, (layers, dim) or (1, layers, dim)."""
    return tuple(direction.shape) in {(dim,), (1, dim), (layers, dim), (1, layers, dim)}


def require_direction(direction: Tensor, what: str) -> None:
    """See to it that a direction leads somewhere.

    Args:
        direction: of any shape.
        what: names it, at the beginning of a sentence.

    Raises:
        DirectionError: it is zero, or contains NaN or inf.
    """
    if not bool(torch.isfinite(direction).all()) or not bool(direction.any()):
        raise DirectionError(f"{what} is zero, or contains NaN or inf; it leads nowhere.")


def _content(path: Path, suffix: str) -> object:
    if suffix == ".npy":
        return torch.from_numpy(read_npy(path))
    if suffix != ".npz":
        return checkpoint.load(path)
    arrays = read_npz(path)
    if len(arrays) != 1:
        raise ContentError(f"it holds {len(arrays)} arrays; expected one")
    return torch.from_numpy(*arrays.values())


def _real(content: object) -> Tensor:
    if not isinstance(content, Tensor):
        raise DamagedError(f"it holds a {type(content).__name__}, no tensor")
    if content.is_complex():
        raise DamagedError("it holds complex numbers; expected real ones")
    return content.detach().float()
