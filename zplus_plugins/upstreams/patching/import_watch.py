"""Run actions on a module as soon as it has been imported, however it is found and loaded.

The loader that a finder returns is never modified: for built-in and frozen modules it is one of Python's own
classes, and finders may share a loader. Instead, a stand-in loader is put into a copy of the module's spec. It restores
the original spec and loader before the module's own code runs.
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
    """Finds the awaited modules with the other finders, and runs the actions after the modules have been executed."""

    def __init__(self) -> None:
        self._actions: dict[str, list[Action]] = {}

    def add(self, module: str, action: Action) -> None:
        """Run the action after the next import of a module."""
        self._actions.setdefault(module, []).append(action)

    def start(self) -> None:
        """Put this finder before all others."""
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Remove the finder and all actions, including those of modules that have been found but not executed yet."""
        self._actions.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders return, with our loader; None for modules that are not awaited."""
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
        # Not with importlib.util.find_spec, which would ask us again, and returns the old spec for a reload.
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :]:  # those before us have been asked already
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(fullname, path, target)
            if spec is not None:
                return spec
        return None

    def arrived(self, fullname: str, module: ModuleType) -> None:
        """Run the actions; if one fails, all of them are run again after the next attempt to import the module."""
        loaded = sys.modules.get(fullname, module)  # a module may replace itself in sys.modules
        for action in self._actions.get(fullname, ()):
            action(loaded)
        self._actions.pop(fullname, None)


class _StandInLoader:
    """A stand-in that delegates everything but the loading itself; this one is for loaders with only ``load_module``.

    Python handles such loaders separately.
    """

    def __init__(self, spec: ModuleSpec, watch: ImportWatch) -> None:
        self._spec, self._watch = spec, watch
        self._loader: Any = spec.loader

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy and pickle look these up before the loader is set
            raise AttributeError(name)
        return getattr(self._loader, name)

    def load_module(self, fullname: str) -> ModuleType:
        """Load the module with the original loader, then run the actions."""
        self._hand_back()
        module: ModuleType = self._loader.load_module(fullname)
        self._watch.arrived(fullname, module)
        return module

    def _hand_back(self, module: Any = None) -> None:
        """Restore the loader where the module's code, ``importlib.resources`` and ``inspect`` look for it."""
        # With two watches there are two specs; the module has that of the second.
        for spec in (self._spec, getattr(module, "__spec__", None)):
            if spec is not None and spec.loader is self:
                spec.loader = self._loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = self._loader


class _ExecutingLoader(_StandInLoader):
    """For loaders that execute a module which Python has created."""

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module with the original loader, then run the actions."""
        self._hand_back(module)
        self._loader.exec_module(module)
        self._watch.arrived(self._spec.name, module)


class _NamespaceLoader(_ExecutingLoader):
    """For namespace packages, which get their loader when their module is created."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module that Python creates for a spec without a loader."""
        stand_in, spec.loader = spec.loader, None  # ours, or another watch's around it
        module = importlib.util.module_from_spec(spec)
        self._loader, spec.loader = spec.loader, stand_in
        return module
