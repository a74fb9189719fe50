"""Check the types of an adapter's fields, because its author may not use a type checker."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from zplus_plugins.upstreams.adapter.description import Adapter


def faults(adapter: Adapter) -> list[str]:
    """One phrase for each field of the adapter and its scripts that is not of the expected type."""
    found = _faults(adapter, "")
    if not found and not adapter.name:
        found.append("name is empty")
    return found


def _faults(described: Any, where: str) -> list[str]:
    found = []
    hints = _hints(described.__class__)
    for field in fields(described):
        value = getattr(described, field.name)
        if not _is(value, hints[field.name]):
            found.append(f"{where}{field.name} is {value!r:.80}, expected {field.type}")
        elif field.name == "scripts":
            found += [fault for i, script in enumerate(value) for fault in _faults(script, f"scripts[{i}].")]
    return found


@functools.cache
def _hints(described: Hashable) -> dict[str, Any]:
    return get_type_hints(described)


def _is(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; supports the annotations that adapters use."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_is(value, one) for one in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        return isinstance(value, tuple) and all(_is(one, inner[0]) for one in value)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(_is(k, inner[0]) and _is(v, inner[1]) for k, v in value.items())
    if origin is Callable:
        return callable(value)
    if hint is Any:
        return True
    if getattr(hint, "_is_protocol", False):
        return all(hasattr(value, name) for name in vars(hint) if not name.startswith("_"))
    return isinstance(value, hint)
