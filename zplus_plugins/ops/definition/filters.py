"""The parameters of a resampling: filters, factors and paddings."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.errors import OpsArgumentError

Pair = int | Sequence[int]


def setup_filter(
    f: Any,
    device: torch.device | str = "cpu",
    normalize: bool = True,
    flip_filter: bool = False,
    gain: float = 1,
    separable: bool | None = None,
) -> Tensor:
    """Create a filter for :func:`zplus_plugins.ops.upfirdn2d`.

    Args:
        f: tensor, array or list of shape (fh, fw), or (taps,) for use along both axes; a number; or None for 1.
        device: device of the result.
        normalize: whether to normalise its sum to 1.
        flip_filter: whether to rotate it by 180 degrees.
        gain: factor for the filtered image.
        separable: whether to keep a filter of shape (taps,), which is faster for long filters, or to expand it to
            (taps, taps); None keeps it from 8 taps on.

    Returns:
        float32, of shape (taps,) if it is separable, else (fh, fw).

    Raises:
        OpsArgumentError: f is empty or has more than two axes, or has two axes with ``separable=True``.
    """
    filter_: Tensor = torch.as_tensor(1 if f is None else f, dtype=torch.float32)
    if filter_.ndim > 2 or filter_.numel() == 0:
        raise OpsArgumentError(
            f"The filter has shape {tuple(filter_.shape)}; expected at most two axes, none of them empty."
        )
    if filter_.ndim == 0:
        filter_ = filter_[None]
    if separable is None:
        separable = filter_.ndim == 1 and filter_.numel() >= 8
    if separable and filter_.ndim == 2:
        raise OpsArgumentError(f"The filter has shape {tuple(filter_.shape)}; with separable=True, expected (taps,).")
    if filter_.ndim == 1 and not separable:
        filter_ = filter_.outer(filter_)
    if normalize:
        filter_ = filter_ / filter_.sum()
    if flip_filter:
        filter_ = filter_.flip(tuple(range(filter_.ndim)))
    scale: float = float(gain) ** (filter_.ndim / 2)
    return (filter_ * scale).to(device)


def size_of(f: Tensor | None) -> tuple[int, int]:
    """(width, height) of a filter's support; (1, 1) for None."""
    return (1, 1) if f is None else (f.shape[-1], f.shape[0])


def pair(value: Pair, name: str) -> tuple[int, int]:
    """(along x, along y) of a factor of at least 1.

    Raises:
        OpsArgumentError: it is neither an integer nor two of them, or smaller than 1.
    """
    numbers = _integers(value, name)
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2 or min(numbers) < 1:
        raise OpsArgumentError(f"{name} is {value!r}; expected an integer of at least 1, or two of them, (x, y).")
    return numbers[0], numbers[1]


def four(padding: Pair) -> tuple[int, int, int, int]:
    """(left, right, top, bottom) of a padding.

    Raises:
        OpsArgumentError: it is not one, two or four integers.
    """
    numbers = _integers(padding, "padding")
    if len(numbers) == 1:
        numbers *= 4
    if len(numbers) == 2:
        numbers = [numbers[0], numbers[0], numbers[1], numbers[1]]
    if len(numbers) != 4:
        raise OpsArgumentError(f"padding is {padding!r}; expected an integer, (x, y), or (left, right, top, bottom).")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _integers(value: Pair, name: str) -> list[int]:
    try:
        return [index(number) for number in value] if isinstance(value, Sequence) else [index(value)]
    except TypeError:
        raise OpsArgumentError(f"{name} is {value!r}; expected integers.") from None
