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
        self._entry: tuple[weakref.ref[Tensor], tuple[object, ...], Value] | None = None

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
            memory = (source.device, source.data_ptr(), source.shape, source.stride(), source.dtype)
            state = (*memory, source._version, *arguments)
            entry = self._entry
            if entry is None or entry[0]() is not source or entry[1] != state:
                entry = self._entry = weakref.ref(source, self._forget), state, derive()
            return entry[2]

    def _forget(self, source: weakref.ref[Tensor]) -> None:
        if self._entry is not None and self._entry[0] is source:
            self._entry = None

    def __reduce__(self) -> tuple[type[Kept[Value]], tuple[()]]:
        return type(self), ()
