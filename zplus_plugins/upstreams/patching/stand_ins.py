"""Stand-ins for modules that are not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from zplus_plugins.errors import RequirementError
from zplus_plugins.upstreams.imports.advice import MissingModule, how_to_get
from zplus_plugins.upstreams.imports.packages import AbsentModule, is_installed
from zplus_plugins.upstreams.patching.journal import Journal


class _AbsentModule(AbsentModule):
    """Using anything in it raises an error."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _AbsentName(self.__name__, name)


class _AbsentName:
    """A stand-in for a name in such a module: it can be imported, but any use of it raises RequirementError."""

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
    """Let imports of these modules succeed even if the modules are not installed."""
    for name in modules:
        if not is_installed(name):
            journal.set_item(sys.modules, name, _AbsentModule(name))


def provide(journal: Journal, name: str, **content: Any) -> None:
    """Provide a module with this content if it is not installed. Provide a package after its modules."""
    if not is_installed(name.split(".")[0]):
        module = ModuleType(name, "A stand-in, provided by zplus-plugins, for a module that is not installed.")
        vars(module).update(content)
        journal.set_item(sys.modules, name, module)
