"""Small helpers of networks and operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor

Function = Callable[..., Any]


def assert_shape(tensor: Tensor, ref_shape: Sequence[int | None]) -> None:
    """Raise AssertionError unless the shape is the wanted one, in which None stands for any size."""
    if tensor.ndim != len(ref_shape):
        raise AssertionError(f"Wrong number of dimensions: got {tensor.ndim}, expected {len(ref_shape)}")
    for index, (size, wanted) in enumerate(zip(tensor.shape, ref_shape, strict=True)):
        if wanted is not None and size != wanted:
            raise AssertionError(f"Wrong size for dimension {index}: got {size}, expected {wanted}")


def profiled_function(fn: Function) -> Function:
    """Show a function in torch's profiles."""

    @wraps(fn)
    def profiled(*args: Any, **kwargs: Any) -> Any:
        with torch.autograd.profiler.record_function(fn.__name__):
            return fn(*args, **kwargs)

    return profiled
