"""Read a direction from an untrusted file with a single array, without running any code from it.

All errors have the form "The direction FILE ...", to which callers add what to do.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.errors import DirectionError
from zplus_plugins.records.arrays import ContentError, read_npy, read_npz
from zplus_plugins.untrusted import DamagedError, checkpoint, told


def read_direction(path: Path, *, of_torch: bool = False) -> Tensor:
    """The direction in a file: an array in a ``.npy`` or ``.npz`` file, or a tensor saved by ``torch.save`` in others.

    Args:
        path: path of the file.
        of_torch: whether the file must be one of ``torch.save``, whatever its suffix, because a script loads it so.

    Returns:
        A float32 tensor on the CPU, with the shape in the file.

    Raises:
        DirectionError: it cannot be read, or does not contain real numbers.
    """
    try:
        return _real(_content(path, "" if of_torch else path.suffix))
    except FileNotFoundError:
        raise DirectionError(f"There is no direction file {path} (looked in {Path.cwd()}).") from None
    except Exception as error:  # an untrusted file can fail in any way
        raise DirectionError(f"The direction {path} cannot be read: {told(error)}.") from None


def fits(direction: Tensor, layers: int, dim: int) -> bool:
    """Whether a direction has the shape of a code: (D,) or (1, D) for all layers, (L, D) or (1, L, D) for each."""
    return tuple(direction.shape) in {(dim,), (1, dim), (layers, dim), (1, layers, dim)}


def require_direction(direction: Tensor, what: str) -> None:
    """Require that a direction is finite and not zero.

    Args:
        direction: the direction, of any shape.
        what: what to call it at the beginning of a sentence.

    Raises:
        DirectionError: it is zero, or contains NaN or inf.
    """
    if not bool(torch.isfinite(direction).all()) or not bool(direction.any()):
        raise DirectionError(f"{what} is zero, or contains NaN or inf, so it cannot be followed.")


def _content(path: Path, suffix: str) -> object:
    if suffix == ".npy":
        return torch.from_numpy(read_npy(path))
    if suffix != ".npz":
        return checkpoint.load(path)
    arrays = read_npz(path)
    if len(arrays) != 1:
        raise ContentError(f"it contains {len(arrays)} arrays; expected one")
    return torch.from_numpy(*arrays.values())


def _real(content: object) -> Tensor:
    if not isinstance(content, Tensor):
        raise DamagedError(f"it contains a {type(content).__name__}, not a tensor")
    if content.is_complex():
        raise DamagedError("it contains complex numbers; expected real ones")
    return content.detach().float()
