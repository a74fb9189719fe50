"""The rooms of the house: what may import what, no circles, and no folder or file that nobody can survey.

Imports inside functions and for type checkers count, too. A package's ``__init__`` is an index of what lies below it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.places import ROOT

FOLDERS = {"zplus_plugins": ROOT / "zplus_plugins", **{f"zplus_plugins.{n}": ROOT / n for n in ("patches", "adapters")}}
TEMPLATES = ("template", "template_of_script")  # distributions of other people
MOST_MODULES = 12
MOST_LINES = 350

GROUND = {"_lazy", "_version", "errors"}
METHOD = GROUND | {"system", "execution", "untrusted", "hypersphere", "records", "ops"}
OWN = [
    *METHOD,
    "generators",
    "spaces",
    "portraits",
    "metrics",
    "photos",
    "inversion",
    "directions",
    "library",
    "compare",
    "reproduce",
    "demo",
    "studio",
]
UPSTREAMS = [
    f"upstreams.{name}"
    for name in ("imports", "patching", "adapter", "requirements", "checkout", "script", "results", "run")
]

MAY_IMPORT = {
    "building": METHOD,  # compiles the operations
    "system": GROUND,
    "execution": GROUND | {"system"},
    "untrusted": GROUND | {"system"},
    "hypersphere": GROUND | {"system"},
    "ops": GROUND | {"system"},
    "records": GROUND | {"system", "untrusted", "hypersphere"},
    # One world: somebody's script.
    "upstreams.imports": GROUND,
    "upstreams.patching": GROUND | {"system", "upstreams.imports"},
    "upstreams.adapter": METHOD | {"upstreams.imports", "upstreams.patching"},
    "upstreams.requirements": METHOD | {*UPSTREAMS[:3]},
    "upstreams.checkout": METHOD | {*UPSTREAMS[:4]},
    "upstreams.script": METHOD | {*UPSTREAMS[:5]},
    "upstreams.results": METHOD | {*UPSTREAMS[:6]},
    "upstreams.run": METHOD | {*UPSTREAMS[:7]},
    "upstreams": METHOD | {*UPSTREAMS},
    "patches": METHOD | {*UPSTREAMS[:4], "upstreams"},
    "adapters": METHOD | {*UPSTREAMS[:4], "upstreams", "patches"},
    # The other: our own inverter. Each may import those before it.
    "generators": METHOD,
    "spaces": METHOD | {"generators"},
    "portraits": METHOD | {"generators"},
    "metrics": METHOD | {*OWN[: OWN.index("metrics")]},
    "photos": METHOD | {*OWN[: OWN.index("photos")]},
    "inversion": METHOD | {*OWN[: OWN.index("inversion")]},
    "directions": METHOD | {*OWN[: OWN.index("directions")]},
    "library": METHOD | {*OWN[: OWN.index("library")]},
    "compare": METHOD | {*OWN[: OWN.index("compare")]},
    "reproduce": METHOD | {*OWN[: OWN.index("reproduce")]},
    "demo": METHOD | {*OWN[: OWN.index("demo")]},
    "studio": METHOD | {*OWN[: OWN.index("studio")]},
    "cli": {*OWN, *UPSTREAMS, "upstreams"},
    "__main__": {"system", "cli"},
}


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py":
            yield path
        elif path.is_dir() and not path.is_symlink():  # by the links, a checkout is a package by itself
            yield from _sources(path)


def modules() -> dict[str, Path]:
    """Every module of the package, by its name."""
    found = {}
    for name, folder in FOLDERS.items():
        for path in _sources(folder):
            parts = path.relative_to(folder).with_suffix("").parts
            if not set(TEMPLATES).intersection(path.parts):
                found[".".join((name, *(parts[:-1] if parts[-1] == "__init__" else parts)))] = path
    return found


MODULES = modules()


def imported(module: str) -> Iterator[str]:
    """The modules that one imports, anywhere in it."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by dots"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module or "" for name in names)


def room(module: str) -> str:
    """The folder that the table speaks of; of upstreams/, each one in it."""
    parts = module.split(".")[1:]
    deep = parts[:1] == ["upstreams"] and module != "zplus_plugins.upstreams" and f"zplus_plugins.upstreams.{parts[1]}"
    return f"upstreams.{parts[1]}" if deep and MODULES[str(deep)].name == "__init__.py" else ".".join(parts[:1])


IMPORTING = [module for module, path in MODULES.items() if path.name != "__init__.py"]


@cache
def imports() -> dict[str, set[str]]:
    """Read when it is asked for: that takes longer than most tests, and every run collects this module."""
    return {
        module: {name for name in imported(module) if name in MODULES and name not in (module, "zplus_plugins")}
        for module in IMPORTING
    }


@pytest.mark.parametrize("own", sorted({room(module) for module in IMPORTING} - GROUND))
def test_imports_run_one_way(own: str) -> None:
    allowed = MAY_IMPORT[own] | {own}
    wrong = {
        module: above
        for module, names in imports().items()
        if room(module) == own and (above := sorted(name for name in names if room(name) not in allowed))
    }
    assert not wrong


def test_the_ground_imports_nothing() -> None:
    assert {module: names for module, names in imports().items() if room(module) in GROUND and names} == {}


def _circles(edges: dict[str, set[str]]) -> list[str]:
    """What lies on a circle: what is left when all that imports nothing of the rest is taken away, again and again."""
    left = {node: set(targets) for node, targets in edges.items()}
    while ends := {node for node, targets in left.items() if not targets & left.keys()}:
        left = {node: targets for node, targets in left.items() if node not in ends}
    return sorted(left)


def test_there_are_no_circles_of_files() -> None:
    assert _circles(imports()) == []


def test_there_are_no_circles_of_folders() -> None:
    """A module on top of the package is a folder by itself."""

    def folder(module: str) -> str:
        parent = module.rpartition(".")[0]
        return module if parent == "zplus_plugins" or MODULES[module].name == "__init__.py" else parent

    edges: dict[str, set[str]] = {}
    for module, names in imports().items():
        edges.setdefault(folder(module), set()).update(folder(name) for name in names if folder(name) != folder(module))
    assert _circles(edges) == []


def test_no_folder_is_too_large() -> None:
    sizes: dict[Path, int] = {}
    for path in MODULES.values():
        sizes[path.parent] = sizes.get(path.parent, 0) + (path.name != "__init__.py")
    assert max(sizes.values()) <= MOST_MODULES, max(sizes, key=lambda folder: sizes[folder])


def test_no_file_is_too_long() -> None:
    files = [*MODULES.values(), *_sources(ROOT / "tests"), *_sources(ROOT / "docs")]
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: lines for name, lines in sizes.items() if lines > MOST_LINES} == {}


def test_every_folder_is_in_the_distribution() -> None:
    import configparser

    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    assert listed == {module for module, path in MODULES.items() if path.name == "__init__.py"}
