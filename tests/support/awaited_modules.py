"""Modules of every kind that Python can import, for tests that wait for their import."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.resources
import importlib.util
import py_compile
import sys
import zipfile
from collections.abc import Callable, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "zplus_awaited"
SOURCE = "import importlib.resources\nWHILE_IT_RAN = (__loader__, __spec__.loader)\n\n\nclass Net:\n    depth = 3\n"
IMPORTERS = (BuiltinImporter, FrozenImporter, PathFinder, SourceFileLoader)


class OldLoader:
    """As loaders were before Python 3.4."""

    def load_module(self, fullname: str) -> ModuleType:
        module = sys.modules.setdefault(fullname, ModuleType(fullname))
        module.__loader__ = self  # type: ignore[assignment]
        vars(module)["loads"] = vars(module).get("loads", 0) + 1
        return module


class Shared:
    """A loader, and a finder that gives the same spec at each search."""

    def __init__(self, name: str, loader: Any, failures: int = 0) -> None:
        self.spec = ModuleSpec(name, loader or self)
        self._failures = failures

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return self.spec if fullname == self.spec.name else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if self._failures:
            self._failures -= 1
            raise ImportError("a failure of the module's own")
        vars(module)["Net"] = type("Net", (), {})


def source(folder: Path) -> str:
    (folder / f"{NAME}.py").write_text(SOURCE)
    return NAME


def bytecode(folder: Path) -> str:
    py_compile.compile(str(folder / f"{source(folder)}.py"), cfile=str(folder / f"{NAME}.pyc"))
    (folder / f"{NAME}.py").unlink()
    return NAME


def package(folder: Path) -> str:
    (folder / NAME).mkdir()
    (folder / NAME / "__init__.py").write_text(SOURCE)
    (folder / NAME / "data.txt").write_text("data")
    return NAME


def namespace_package(folder: Path) -> str:
    (folder / NAME).mkdir()
    (folder / NAME / "part.py").write_text("")
    return NAME


def in_a_namespace_package(folder: Path) -> str:
    (folder / NAME).mkdir()
    (folder / NAME / "part.py").write_text(SOURCE)
    return f"{NAME}.part"


def zipped(folder: Path) -> str:
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.writestr(f"{NAME}/__init__.py", SOURCE)
    sys.path.insert(0, str(folder / "archive.zip"))
    return NAME


def legacy(folder: Path) -> str:
    sys.meta_path.insert(0, Shared(NAME, OldLoader()))  # type: ignore[arg-type]
    return NAME


def shared_spec(folder: Path) -> str:
    sys.meta_path.insert(0, Shared(NAME, None))  # type: ignore[arg-type]
    return NAME


def extension(folder: Path) -> str:
    return next(n for n in ("xxlimited", "_testbuffer", "_testmultiphase", "ossaudiodev") if findable(n))


def findable(name: str) -> bool:
    return name not in sys.modules and importlib.util.find_spec(name) is not None


KINDS: dict[str, Callable[[Path], str]] = {
    "source": source,
    "bytecode": bytecode,
    "package": package,
    "namespace package": namespace_package,
    "in a namespace package": in_a_namespace_package,
    "zip": zipped,
    "legacy": legacy,
    "shared spec": shared_spec,
    "extension": extension,
    "builtin": lambda folder: "xxsubtype",
    "frozen": lambda folder: "__hello__",
    "frozen package": lambda folder: "__phello__",
    "in a frozen package": lambda folder: "__phello__.spam",
}


def looks(module: ModuleType) -> dict[str, Any]:
    """What can be seen of a module, but for the identity of objects that each import makes anew."""
    spec = module.__spec__
    assert spec is not None

    def kind(loader: Any) -> Any:
        return loader if isinstance(loader, type) else type(loader)

    return {
        "names": sorted(vars(module)),
        "loaders": (kind(module.__loader__), kind(spec.loader)),
        "same loader": module.__loader__ is spec.loader,
        "places": (getattr(module, "__file__", "none"), list(getattr(module, "__path__", ()))),
        "spec": {k: v for k, v in vars(spec).items() if k not in ("loader", "submodule_search_locations")},
        "initializing": getattr(spec, "_initializing", False),
        "while it ran": [kind(loader) for loader in getattr(module, "WHILE_IT_RAN", ())],
    }
