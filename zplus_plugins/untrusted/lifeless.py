"""Check that the content of a file consists of values, and of nothing callable."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.serialization import StorageType

from zplus_plugins.untrusted.interpreter import Function
from zplus_plugins.untrusted.problems import RefusedError


def require_lifeless(content: Any) -> None:
    """Require that the content has no function or class in it, which a file could name without calling it.

    Raises:
        RefusedError: it has one.
    """
    waiting, seen = [content], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Function | StorageType) or (callable(value) and not isinstance(value, Tensor)):
            raise RefusedError("a function or a class")
        parts = _parts(value)
        if parts is not None and id(value) not in seen:  # an object may occur several times
            seen.add(id(value))
            waiting += parts


def _parts(value: Any) -> Iterable[Any] | None:
    """The parts of a value, except numbers and texts."""
    attributes = vars(value).values() if isinstance(value, argparse.Namespace | Tensor) else ()
    if isinstance(value, dict):  # keys are plain values; the versions of a state dict are an attribute of it
        return [*value.values(), *getattr(value, "__dict__", {}).values()]
    if isinstance(value, list | tuple | set | frozenset):
        return value
    return attributes or None
