"""Wrap functions and classes that the script itself defines, at the moment it defines them.

The script runs as ``__main__``: no import hook ever fires for it, and once it has run to its last line it is too late.
So its top level is executed in a namespace that passes each new function or class to the wrappers waiting for its
name. The script's own source and bytecode are untouched, and :func:`globals` is the plain dictionary that it always is.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]
Wrap = Callable[[Any, str, Wrapper], None]


class Definitions:
    """The names that a script is going to define, and what waits for them.

    Args:
        wrap: wraps the function ``owner.name`` reversibly, as :meth:`Journal.wrap` does.
    """

    def __init__(self, wrap: Wrap) -> None:
        self._wrap = wrap
        self._waiting: dict[str, list[tuple[list[str], Wrapper]]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, path: str, wrapper: Wrapper) -> None:
        """Wait for the definition of ``"function"`` or ``"Class.function"``."""
        first, *rest = path.split(".")
        self._waiting.setdefault(first, []).append((rest, wrapper))

    def namespace(self, variables: dict[str, Any]) -> MutableMapping[str, Any]:
        """The local namespace to execute the script's top level in; everything is kept in ``variables``."""
        return _Namespace(variables, self)

    def defined(self, name: str, value: Any, module: str) -> Any:
        """What to store under a name: the value, wrapped if it is a function or class of that module awaited here."""
        if name not in self._waiting or getattr(value, "__module__", None) != module:
            return value
        for rest, wrapper in self._waiting[name]:
            if rest:
                self._wrap(functools.reduce(getattr, rest[:-1], value), rest[-1], wrapper)
            elif inspect.isroutine(value):
                value = functools.wraps(value)(wrapper(value))
        return value


class _Namespace(MutableMapping[str, Any]):
    """A module's variables as its top level sees them: what is stored passes through :meth:`Definitions.defined`."""

    def __init__(self, variables: dict[str, Any], definitions: Definitions) -> None:
        self._variables = variables
        self._definitions = definitions

    def __setitem__(self, name: str, value: Any) -> None:
        self._variables[name] = self._definitions.defined(name, value, self._variables["__name__"])

    def __getitem__(self, name: str) -> Any:
        return self._variables[name]

    def __delitem__(self, name: str) -> None:
        del self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)
