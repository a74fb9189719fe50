"""Point at one object inside another: how an adapter says which part of a call it means.

A path such as ``"G_ema"``, ``"net.mapping"`` or ``"0.latent"`` goes through keys of mappings, positions of sequences
and attributes. What a path cannot say, a function of the :class:`Call` can.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from zplus_plugins.errors import PluginError


@dataclass(frozen=True)
class Call:
    """One call of an upstream's function.

    Attributes:
        arguments: by name, defaults included.
        result: what it returned; for a constructor, the new object.
    """

    arguments: Mapping[str, Any]
    result: Any = None


Pick = str | Callable[[Call], Any]


def picked(pick: Pick, call: Call, start: Any) -> Any:
    """What ``pick`` points at: a path from ``start``, or what a function makes of the call.

    Raises:
        PluginError: the path leads nowhere.
    """
    return follow(pick, start) if isinstance(pick, str) else pick(call)


def follow(path: str, start: Any) -> Any:
    """The object at a path of keys, positions and attributes; the empty path is the object itself.

    Raises:
        PluginError: the path leads nowhere; names the first step that is not there.
    """
    found = start
    for step in _steps(path):
        found = _step(found, step, path)
    return found


def replaced(path: str, start: Any, value: Any) -> Any:
    """``start`` with ``value`` at a path: tuples and lists are copied; mappings and objects on the way are changed.

    Raises:
        PluginError: the path leads nowhere.
    """
    steps = _steps(path)
    if not steps:
        return value
    step, rest = steps[0], ".".join(steps[1:])
    inner = replaced(rest, _step(start, step, path), value)
    if isinstance(start, MutableMapping):
        start[step] = inner
    elif isinstance(start, Sequence):
        items = list(start)
        items[int(step)] = inner
        # a namedtuple takes its fields one by one
        return start._make(items) if hasattr(start, "_make") else type(start)(items)  # type: ignore[call-arg]
    else:
        start = copy.copy(start) if getattr(type(start), "__dataclass_fields__", None) else start
        object.__setattr__(start, step, inner)
    return start


def _steps(path: str) -> list[str]:
    return [step for step in path.split(".") if step]


def _step(found: Any, step: str, path: str) -> Any:
    if isinstance(found, Mapping) and step in found:
        return found[step]
    if isinstance(found, Sequence) and step.lstrip("-").isdigit() and -len(found) <= int(step) < len(found):
        return found[int(step)]
    if not isinstance(found, Mapping) and hasattr(found, step):
        return getattr(found, step)
    if isinstance(found, Mapping):
        has = f"its keys are {', '.join(map(str, list(found)[:8])) or 'none'}"
    elif isinstance(found, Sequence) and not isinstance(found, str):
        has = f"it has {len(found)} items"
    else:
        has = "it has no such attribute"
    raise PluginError(
        f"The adapter looks for {path!r}, but {type(found).__name__} has no {step!r}: {has}. Correct the adapter."
    )
