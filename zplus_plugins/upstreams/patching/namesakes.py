"""Modules that this process has imported, and that have the name of a script's own, such as a copy of ``lpips``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from zplus_plugins.upstreams.patching.journal import Journal

# Their state is the process's; a script cannot bring others.
_OURS = {"torch", "numpy", "zplus_plugins", *sys.stdlib_module_names}


def set_aside_namesakes(journal: Journal, folders: Iterable[Path]) -> None:
    """Let a script import its own modules, as it does in a process of its own; the others are there again afterwards.

    Args:
        journal: brings them back.
        folders: the script's import path.
    """
    places = [folder.resolve() for folder in folders]
    tops = {name for name in sys.modules if "." not in name} - _OURS
    for top in (name for name in tops if _is_in(name, places) and not _is_from(name, places)):
        for name in [name for name in sys.modules if name.split(".")[0] == top]:
            journal.keep_item(sys.modules, name)
            del sys.modules[name]


def _is_in(name: str, folders: Iterable[Path]) -> bool:
    return any((folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file() for folder in folders)


def _is_from(name: str, folders: Iterable[Path]) -> bool:
    file = getattr(sys.modules[name], "__dict__", {}).get("__file__")  # a lazy module would import its target
    return isinstance(file, str) and any(Path(file).resolve().is_relative_to(folder) for folder in folders)
