"""Modules that this process has imported, and that have the name of a script's own, such as a copy of ``lpips``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from zplus_plugins.upstreams.imports.script import names_in
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
    names = {name.removesuffix(".py") for place in places for name in names_in(place)}
    tops = {name for name in sys.modules if name in names} - _OURS
    for top in (name for name in tops if _is_namesake(name, places)):
        for name in [name for name in sys.modules if name.split(".")[0] == top]:
            journal.keep_item(sys.modules, name)
            del sys.modules[name]


def _is_namesake(name: str, folders: Iterable[Path]) -> bool:
    own = [path for f in folders for path in (f / name / "__init__.py", f / f"{name}.py") if path.is_file()]
    file = getattr(sys.modules[name], "__dict__", {}).get("__file__")  # a lazy module would import its target
    # an environment may lie in the script's own folder, so the file itself counts
    return bool(own) and not (isinstance(file, str) and Path(file).resolve() in own)
