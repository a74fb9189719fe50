"""Values that are derived from a tensor, and computed again when it has changed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """The value derived from the last tensor: kept while that tensor lives, and used while it is unchanged.

    A change is noticed by torch's version counter, or because the tensor has other memory. Torch does not count what is
    written through ``tensor.data``, or through a NumPy array that shares its memory.

    Nothing is kept of a tensor that requires a gradient, in inference mode, or while torch compiles. Copies and pickles
    of this object are empty.
    """

    def __init__(self) -> None:
        self._source: weakref.ref[Tensor] | None = None
        self._state: tuple[object, ...] = ()
        self._value: Value | None = None

    def of(self, source: Tensor, derive: Callable[[], Value], *arguments: object) -> Value:
        """The value for a tensor.

        Args:
            source: the tensor.
            derive: computes the value from the tensor and the arguments alone; no gradient flows through it.
            arguments: what else the value depends on.
        """
        if source.requires_grad or torch.compiler.is_compiling():
            return derive()
        with torch.no_grad():
            if torch.is_inference_mode_enabled() or source.is_inference():
                return derive()
            state = (source.data_ptr(), source._version, source.shape, source.stride(), source.dtype, *arguments)
            if self._value is None or self._source is None or self._source() is not source or self._state != state:
                self._value, self._state = derive(), state
                self._source = weakref.ref(source, self._forget)
            return self._value

    def _forget(self, source: weakref.ref[Tensor]) -> None:
        self._value = None

    def __reduce__(self) -> tuple[type[Kept[Value]], tuple[()]]:
        return type(self), ()
