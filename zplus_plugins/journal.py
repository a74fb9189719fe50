"""Reversible patches: every change to somebody else's objects is made here and knows its undo.

Undo lists are never written by hand. A journal is a context manager; when it closes, on success,
on an exception or on Ctrl-C, all changes are undone in reverse order.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType, TracebackType
from typing import Any

from zplus_plugins.errors import PatchError

_ABSENT: Any = object()


class Journal:
    """The open list of changes; see the module."""

    def __init__(self) -> None:
        self._undo = contextlib.ExitStack()
        self._watch: _ImportWatch | None = None

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Undo everything, last change first. Closing twice does nothing."""
        self._undo.close()

    def callback(self, undo: Callable[[], object]) -> None:
        """Note the undo of a change made elsewhere, such as a hook handle's ``remove``."""
        self._undo.callback(undo)

    def enter(self, manager: AbstractContextManager[Any]) -> None:
        """Enter a context, and leave it at the end."""
        self._undo.enter_context(manager)

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute of a module, a class or an object.

        What was inherited before is inherited again afterwards, and descriptors (static methods,
        properties) come back as the objects they were.
        """
        before = vars(owner).get(name, _ABSENT)
        setattr(owner, name, value)
        if before is _ABSENT:
            self.callback(functools.partial(delattr, owner, name))
        else:
            self.callback(functools.partial(setattr, owner, name, before))

    def wrap(self, owner: Any, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Replace the function ``owner.name`` by ``wrapper(original)``, keeping its kind and metadata.

        Raises:
            PatchError: there is no such function.
        """
        raw = _lookup(owner, name)
        kind = type(raw) if isinstance(raw, staticmethod | classmethod) else None
        original = raw.__func__ if kind else raw
        if not callable(original):
            raise PatchError(
                f"Cannot patch {_describe(owner)}.{name}: expected a function there, found "
                f"{'nothing' if raw is _ABSENT else type(raw).__name__}."
            )
        replacement = functools.wraps(original)(wrapper(original))
        self.set(owner, name, kind(replacement) if kind else replacement)

    def set_item(self, mapping: MutableMapping[Any, Any], key: Any, value: Any) -> None:
        """Set an item of a mapping, such as ``sys.modules`` or ``os.environ``."""
        before = mapping.get(key, _ABSENT)
        mapping[key] = value
        if before is _ABSENT:
            self.callback(functools.partial(mapping.pop, key, None))
        else:
            self.callback(functools.partial(mapping.__setitem__, key, before))

    def keep_list(self, values: list[Any]) -> None:
        """Give a list, such as ``sys.path``, its present content back at the end, in the same object."""
        before = list(values)

        def undo() -> None:
            values[:] = before

        self.callback(undo)

    def when_imported(self, module: str, action: Callable[[ModuleType], None]) -> None:
        """Run ``action(module)`` as soon as the module has been imported; at once if it already is.

        An action that fails stops the import with its own error, and the module is not kept.
        """
        if module in sys.modules:
            action(sys.modules[module])
            return
        if self._watch is None:
            self._watch = _ImportWatch()
            sys.meta_path.insert(0, self._watch)
            self.callback(functools.partial(sys.meta_path.remove, self._watch))
        self._watch.actions.setdefault(module, []).append(action)

    def wrap_when_imported(self, target: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """:meth:`wrap` for ``"package.module:Class.function"``, as soon as that module is imported."""
        module, _, path = target.partition(":")
        *owners, name = path.split(".")

        def action(imported: ModuleType) -> None:
            self.wrap(resolve(imported, owners), name, wrapper)

        self.when_imported(module, action)


def resolve(module: ModuleType, path: Sequence[str]) -> Any:
    """The object at an attribute path below a module.

    Raises:
        PatchError: names what is missing, and where the module came from.
    """
    owner: Any = module
    for name in path:
        if not hasattr(owner, name):
            raise PatchError(
                f"Cannot patch {module.__name__}:{'.'.join(path)}: {_describe(owner)} has no {name!r} "
                f"(loaded from {getattr(module, '__file__', 'an unknown place')})."
            )
        owner = getattr(owner, name)
    return owner


def _lookup(owner: Any, name: str) -> Any:
    """The raw attribute: descriptors are returned as they are, not bound."""
    classes = owner.__mro__ if isinstance(owner, type) else (owner, *type(owner).__mro__)
    for place in classes:
        if name in vars(place):
            return vars(place)[name]
    return _ABSENT


def _describe(owner: Any) -> str:
    return str(getattr(owner, "__qualname__", getattr(owner, "__name__", type(owner).__name__)))


class _ImportWatch(importlib.abc.MetaPathFinder):
    """Finds awaited modules as everybody else would, and runs the actions after their execution."""

    def __init__(self) -> None:
        self.actions: dict[str, list[Callable[[ModuleType], None]]] = {}
        self._searching: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.actions or fullname in self._searching:
            return None
        self._searching.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching.discard(fullname)
        if spec is None or spec.loader is None:
            return spec
        loader: Any = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            execute(module)
            for action in self.actions.pop(fullname, ()):
                action(module)

        loader.exec_module = exec_module
        return spec
