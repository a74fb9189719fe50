"""Packages that an upstream script imports: which are missing, and what stands for those."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from zplus_plugins.adapter import Finding
from zplus_plugins.advice import MissingModule, how_to_get
from zplus_plugins.errors import RequirementError
from zplus_plugins.journal import Journal
from zplus_plugins.script_imports import missing_imports


class _AbsentModule(ModuleType):
    """Stands for a module that is not installed, until something in it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _AbsentName(self.__name__, name)


class _AbsentName:
    """Stands for a name in such a module: ``from module import name`` succeeds, any use of it says why not."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RequirementError(
            f"The script uses {self._module}.{self._name}, but {self._module} is not installed. "
            f"{how_to_get([MissingModule(self._module)])}"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self()

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return tuple(self())


def stand_in_for_absent(journal: Journal, modules: Iterable[str]) -> None:
    """Let imports of these modules succeed where they are not installed."""
    for name in modules:
        if not is_installed(name):
            journal.set_item(sys.modules, name, _AbsentModule(name))


def provide(journal: Journal, name: str, **content: Any) -> None:
    """Let a module with this content be imported where it is not installed; a package after its modules."""
    if not is_installed(name.split(".")[0]):
        module = ModuleType(name, "A stand-in by zplus-plugins for a module that is not installed.")
        vars(module).update(content)
        journal.set_item(sys.modules, name, module)


def missing_modules(script: Path, root: Path) -> list[MissingModule]:
    """As :func:`~zplus_plugins.script_imports.missing_imports`, of what can be imported here."""
    return missing_imports(script, root, is_installed)


@dataclass(frozen=True)
class Submodule:
    """A repository inside the checkout, which a plain ``git clone`` leaves empty.

    Attributes:
        path: of its folder, relative to the current one.
        module: that the script imports from it; found elsewhere, it will do too.
    """

    path: str
    module: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        parts = self.module.split(".")
        here = Path(self.path).joinpath(*parts)
        if here.is_dir() or here.with_suffix(".py").is_file() or is_installed(parts[0]):
            return []
        text = f"The submodule {self.path} is empty: there is no {self.module} in it. Get it: "
        return [Finding("missing", f"{text}git submodule update --init --recursive")]


@dataclass(frozen=True)
class Module:
    """A module that the script imports late, where :func:`missing_modules` does not see it.

    Attributes:
        remedy: how to get it, where :mod:`zplus_plugins.advice` does not know its package.
    """

    name: str
    remedy: str = ""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if is_installed(self.name):
            return []
        remedy = f"Install it: {self.remedy}" if self.remedy else how_to_get([MissingModule(self.name)])
        return [Finding("missing", f"The script needs the module {self.name!r}. {remedy}")]


def is_installed(top: str) -> bool:
    """Whether a top-level module can be imported; it is not."""
    if not top or top in sys.modules or top in sys.stdlib_module_names:
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False
