"""Act on a module as soon as it has been imported, however it is found and loaded.

The loader that a finder gives is never written to: for built-in and frozen modules it is a class of Python's
own, and other finders may share one. A stand-in takes its place in a copy of the module's spec, and
hands both back before the module's own code runs.
"""

from __future__ import annotations

import copy
import importlib.abc
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Action = Callable[[ModuleType], None]


class ImportWatch(importlib.abc.MetaPathFinder):
    """Finds awaited modules as everybody else would, and runs the actions after their execution."""

    def __init__(self) -> None:
        self._actions: dict[str, list[Action]] = {}

    def add(self, module: str, action: Action) -> None:
        """Wait for the next import of a module."""
        self._actions.setdefault(module, []).append(action)

    def start(self) -> None:
        """Stand before all other finders."""
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Wait for nothing any more, not even for modules that have been found and not executed yet."""
        self._actions.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders give, with our loader; None for modules that nobody waits for."""
        if fullname not in self._actions:
            return None
        found = self._ask_others(fullname, path, target)
        if found is None:
            return None
        spec = copy.copy(found)
        spec.loader = self._stand_in(spec)
        return spec

    def _stand_in(self, spec: ModuleSpec) -> Any:
        if spec.loader is None:
            return None if spec.submodule_search_locations is None else _NamespaceLoader(spec, self)
        return (_ExecutingLoader if hasattr(spec.loader, "exec_module") else _StandInLoader)(spec, self)

    def _ask_others(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        # Not by importlib.util.find_spec, which asks us again, and which gives an old spec for a reload.
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :]:  # those before have been asked
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(fullname, path, target)
            if spec is not None:
                return spec
        return None

    def arrived(self, fullname: str, module: ModuleType) -> None:
        """Run the actions; where one fails, all wait for the next attempt at the import."""
        loaded = sys.modules.get(fullname, module)  # a module may put another object in its place
        for action in self._actions.get(fullname, ()):
            action(loaded)
        self._actions.pop(fullname, None)


class _StandInLoader:
    """A loader in all but the loading; this one has ``load_module`` alone, for which Python takes a path of its own."""

    def __init__(self, spec: ModuleSpec, watch: ImportWatch) -> None:
        self._spec, self._watch = spec, watch
        self._loader: Any = spec.loader

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling ask for these before there is a loader
            raise AttributeError(name)
        return getattr(self._loader, name)

    def load_module(self, fullname: str) -> ModuleType:
        """Load the module as the loader does, then act on it."""
        self._hand_back()
        module: ModuleType = self._loader.load_module(fullname)
        self._watch.arrived(fullname, module)
        return module

    def _hand_back(self, module: Any = None) -> None:
        """Leave the loader where the module's code, ``importlib.resources`` and ``inspect`` look for it."""
        # Two watches make two specs, and the module has the one of the last.
        for spec in (self._spec, getattr(module, "__spec__", None)):
            if spec is not None and spec.loader is self:
                spec.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader


class _ExecutingLoader(_StandInLoader):
    """For loaders that execute a module that was made for them."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module as the loader does, then act on it."""
        self._hand_back(module)
        self._loader.exec_module(module)
        self._watch.arrived(self._spec.name, module)


class _NamespaceLoader(_ExecutingLoader):
    """For packages without a file, which get their loader when their module is made."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module as Python makes it where a spec has no loader."""
        stand_in, spec.loader = spec.loader, None  # ours, or another watch's around it
        module = importlib.util.module_from_spec(spec)
        self._loader, spec.loader = spec.loader, stand_in
        return module
