"""The precision of an inversion's steps, and the gate at its end: what a lower one found is evaluated in float32."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from statistics import fmean
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from zplus_plugins.errors import UsageError

Precision = Literal["float32", "bf16"]
DTYPES: dict[str, torch.dtype | None] = {"float32": None, "bf16": torch.bfloat16}
BOUND = 0.05  # relative
_TINY = 1e-30
_log = logging.getLogger("zplus_plugins")


class Likeness(Protocol):
    """A perceptual distance (B,) between images and targets, differentiable by the images."""

    def __call__(self, pictures: Tensor, targets: Tensor, /) -> Tensor:
        raise NotImplementedError


@runtime_checkable
class Reducible(Protocol):
    """A perceptual distance that can compute its features in a lower precision."""

    def in_precision(self, dtype: torch.dtype) -> Likeness:
        """The same distance, with features in that dtype."""
        raise NotImplementedError


def in_precision(likeness: Likeness | None, dtype: torch.dtype | None) -> Likeness | None:
    """A perceptual distance in that precision; itself if it has no other, or for None."""
    return likeness if dtype is None or not isinstance(likeness, Reducible) else likeness.in_precision(dtype)


def dtype_of(precision: str) -> torch.dtype | None:
    """The dtype of the convolutions; None for that of the parameters, float32.

    Raises:
        UsageError: there is no such precision.
    """
    if precision not in DTYPES:
        raise UsageError(f"The precision is {precision!r}; expected one of {', '.join(DTYPES)}.")
    return DTYPES[precision]


class Gate:
    """Says what a user should know of losses that were found in a lower precision, and evaluated in both.

    The losses of the same codes in bfloat16 and in float32 differ by the noise of rounding alone, by less than one per
    cent in all that we have measured. With five times as much, the optimizer saw other losses than those it was to
    minimise, and the difference is as large as that between spaces that are compared.
    """

    def __init__(self) -> None:
        self._found: list[tuple[str, float, float]] = []

    def add(self, names: Iterable[str], exact: Iterable[float], reduced: Iterable[float]) -> None:
        """Take note of images by name, with their losses in float32 and in the lower precision."""
        self._found += zip(names, exact, reduced, strict=True)

    def close(self) -> None:
        """Log the mean losses, and warn of each image whose losses differ by more than :data:`BOUND`."""
        if not self._found:
            return
        names, exact, reduced = zip(*self._found, strict=True)
        gaps = [abs(low - high) / max(abs(high), _TINY) for _, high, low in self._found]
        _log.info(
            "bf16: the mean loss of what was found is %.5g in float32 and %.5g in bf16; the largest difference is "
            "%.2f %%.",
            fmean(exact),
            fmean(reduced),
            100 * max(gaps),
        )
        for name, high, low, gap in zip(names, exact, reduced, gaps, strict=True):
            if not gap <= BOUND:  # nor is NaN
                _log.warning(
                    "%s: the loss is %.5g in float32 and %.5g in bf16; they differ by more than %g %%. Invert it again "
                    "with --precision float32.",
                    name,
                    high,
                    low,
                    100 * BOUND,
                )
