"""Read a direction from an untrusted file, without running any code from it.

The file contains a single array, or the principal components of the repository GANSpace
(https://github.com/harskish/ganspace), in Z or W and in the activations of the layer that it looked at.

All errors have the form "The direction FILE ...", to which callers add what to do.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.errors import DirectionError
from zplus_plugins.records.arrays import ContentError, read_npy, read_npz
from zplus_plugins.untrusted import DamagedError, checkpoint, told

GANSPACE = ("act_comp", "act_stdev", "lat_comp", "lat_stdev")
"""The arrays by which a file of GANSpace is known; the others are not needed."""


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


def read_component(path: Path, number: int, space: Literal["w", "z"]) -> Tensor:
    """One of the principal components in a file of GANSpace, as long as one standard deviation.

    Args:
        path: path of the file, ``.npz``.
        number: of the component, from 0.
        space: where the direction is wanted. For W, it is that of the layer's activations if the layer is the output
            of the mapping network (``style``), otherwise that of the latent codes.

    Raises:
        DirectionError: it cannot be read, has fewer components, or none in Z.
    """
    try:
        arrays = {name: array.astype(np.float32) for name, array in read_npz(path, GANSPACE, GANSPACE).items()}
        return torch.from_numpy(_component(arrays, number, space))
    except FileNotFoundError:
        raise DirectionError(f"There is no direction file {path} (looked in {Path.cwd()}).") from None
    except Exception as error:  # an untrusted file can fail in any way
        raise DirectionError(f"The direction {path} cannot be read: {told(error)}.") from None


def _component(arrays: dict[str, np.ndarray[Any, Any]], number: int, space: Literal["w", "z"]) -> np.ndarray[Any, Any]:
    shapes = {name: array.shape for name, array in arrays.items()}
    count = shapes["lat_stdev"][0] if len(shapes["lat_stdev"]) == 1 else 0
    if any(not shape or shape[0] != count for shape in shapes.values()) or shapes["act_stdev"] != (count,):
        raise ContentError("its components and their standard deviations are not as many")
    if not 0 <= number < count:
        raise ContentError(f"it has {count} components; there is no {number}")
    latent, activation = (arrays[name][number].reshape(-1) for name in ("lat_comp", "act_comp"))
    if space == "z" and latent.shape == activation.shape and np.allclose(latent, activation, atol=1e-6):
        raise ContentError("its components are those of W; give it as --w")
    kind = "act" if space == "w" and activation.size == latent.size else "lat"
    own = activation if kind == "act" else latent
    return np.ascontiguousarray(own * arrays[f"{kind}_stdev"][number])


def arranged(direction: Tensor, layers: int, dim: int, what: str) -> Tensor:
    """A direction as (1, dim) for all layers or (layers, dim) for each.

    Args:
        direction: of one of the shapes of :func:`fits`, or (layers * dim,) or (1, layers * dim), as the boundaries
            of InterFaceGAN are in Z+.
        layers, dim: number and length of the codes.
        what: what to call it at the beginning of a sentence.

    Raises:
        DirectionError: it has another shape, is zero or not finite.
    """
    long = (layers * dim,)
    if not fits(direction, layers, dim) and tuple(direction.shape) not in {long, (1, *long)}:
        raise DirectionError(
            f"{what} has the shape {tuple(direction.shape)}; expected ({dim},), (1, {dim}), ({layers}, {dim}), "
            f"(1, {layers}, {dim}) or (1, {layers * dim})."
        )
    rows = direction.detach().reshape(-1, dim)
    require_direction(rows, what)
    return rows


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
    if set(GANSPACE) <= set(arrays):
        raise ContentError(f"it contains the {len(arrays['lat_comp'])} components of GANSpace; choose one of them")
    if len(arrays) != 1:
        raise ContentError(f"it contains {len(arrays)} arrays; expected one")
    return torch.from_numpy(*arrays.values())


def _real(content: object) -> Tensor:
    if not isinstance(content, Tensor):
        raise DamagedError(f"it contains a {type(content).__name__}, not a tensor")
    if content.is_complex():
        raise DamagedError("it contains complex numbers; expected real ones")
    return content.detach().float()
