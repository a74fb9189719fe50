"""Which packages an upstream script imports, and how to install those that are missing."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

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
            own = _own_files(name, (script.parent, root, file.parent))
            if own:
                waiting += own
            elif not name.startswith(".") and not _installed(name.split(".")[0]):
                missing[name.split(".")[0]] = None
    return list(missing)


def _imports(file: Path) -> list[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return []
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            separator = "" if module.endswith(".") else "."
            names += [module, *(module + separator + alias.name for alias in node.names)] if node.level else [module]
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


def _installed(top: str) -> bool:
    if not top or top in sys.modules or top in sys.stdlib_module_names:
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False
