"""What has been read holds values, and nothing that could be called."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.serialization import StorageType

from zplus_plugins.untrusted.interpreter import Function
from zplus_plugins.untrusted.problems import RefusedError


def require_lifeless(content: Any) -> None:
    """See to it that a file has given no function and no class, which it could name without making anything of them.

    Raises:
        RefusedError: there is one.
    """
    waiting, seen = [content], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Function | StorageType) or (callable(value) and not isinstance(value, Tensor)):
            raise RefusedError("a function or a class by itself")
        parts = _parts(value)
        if parts is not None and id(value) not in seen:  # what a file names twice is one object
            seen.add(id(value))
            waiting += parts


def _parts(value: Any) -> Iterable[Any] | None:
    """What a value holds, beside numbers and texts."""
    attributes = vars(value).values() if isinstance(value, argparse.Namespace | Tensor) else ()
    if isinstance(value, dict):  # keys are plain values; torch keeps a state's versions as an attribute
        return [*value.values(), *getattr(value, "__dict__", {}).values()]
    if isinstance(value, list | tuple | set | frozenset):
        return value
    return attributes or None
