"""Which packages an upstream script imports, and how to install those that are missing."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from zplus_plugins.adapter import Finding
from zplus_plugins.errors import RequirementError
from zplus_plugins.journal import Journal
from zplus_plugins.source_text import UnreadableSourceError, parse_source

# Modules whose distribution has another name.
_DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "PIL": "Pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


def install_command(modules: Iterable[str]) -> str:
    """``pip install ...`` for these modules."""
    names = dict.fromkeys(_DISTRIBUTIONS.get(m.split(".")[0], m.split(".")[0]) for m in modules)
    return f"pip install {' '.join(names)}"


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
            f"Install it: {install_command([self._module])}"
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


def missing_modules(script: Path, root: Path) -> list[str]:
    """Top-level modules that a script, or a module of its repository that it imports, needs and are absent.

    Only imports at the top of a file count: others may never run.
    """
    missing: dict[str, None] = {}
    waiting, seen = [script], set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in _imports(file):
            folders = (script.parent, root, file.parent)
            waiting += _own_files(name, folders)
            top = name.split(".")[0]
            if not any((f / top).is_dir() or (f / f"{top}.py").is_file() for f in folders) and not is_installed(top):
                missing[top] = None
    return list(missing)


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
        remedy: how to get it, if not from the package index by its own name.
    """

    name: str
    remedy: str = ""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if is_installed(self.name):
            return []
        remedy = self.remedy or install_command([self.name])
        return [Finding("missing", f"The script needs the module {self.name!r}. Install it: {remedy}")]


def _imports(file: Path) -> list[str]:
    try:
        _, tree = parse_source(file)
    except (OSError, UnreadableSourceError):
        return []
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            separator = "" if module.endswith(".") else "."
            names += [module, *(module + separator + alias.name for alias in node.names)]
    return names


def _own_files(name: str, folders: Iterable[Path]) -> list[Path]:
    """The files of the repository that importing ``name`` executes; relative names need the last folder."""
    folders = list(folders)
    if name.startswith("."):
        folders, name = folders[-1:], name.lstrip(".")
    for folder in folders:
        path = folder.joinpath(*name.split("."))
        candidates = [path.with_suffix(".py"), path / "__init__.py", path.parent / "__init__.py"]
        found = [candidate for candidate in candidates[:2] if candidate.is_file()]
        if found:
            return [*found, *(c for c in candidates[2:] if c.is_file())]
    return []


def is_installed(top: str) -> bool:
    """Whether a top-level module can be imported; it is not."""
    if not top or top in sys.modules or top in sys.stdlib_module_names:
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False
