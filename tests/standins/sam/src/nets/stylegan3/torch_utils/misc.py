"""Checks of shapes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def assert_shape(tensor: Tensor, ref_shape: Sequence[int | None]) -> None:
    """Raise AssertionError unless the tensor has this shape; None fits every length."""
    fits = tensor.ndim == len(ref_shape)
    if not fits or any(want not in (None, got) for got, want in zip(tensor.shape, ref_shape, strict=True)):
        raise AssertionError(f"Wrong shape: got {tuple(tensor.shape)}, expected {tuple(ref_shape)}")
