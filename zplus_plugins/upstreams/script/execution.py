"""Execute a script's top level, as ``__main__`` or under a module name, with wrappers around what it defines."""

from __future__ import annotations

import builtins
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from zplus_plugins.upstreams.patching.journal import Journal

MAIN = "__main__"


def module_names(script: str) -> tuple[str, ...]:
    """The module names under which places in a script are written: from the root, and from its own folder.

    Args:
        script: path relative to the repository's root, such as ``scripts/invert.py``.
    """
    path = Path(script).with_suffix("")
    return tuple(dict.fromkeys((".".join(path.parts), path.name)))


def execute(journal: Journal, path: Path, name: str = MAIN) -> ModuleType:
    """Execute a file as ``python path`` does, or as the module ``name``, which stays until the journal closes.

    Raises:
        SyntaxError: the file is not Python.
    """
    module = _main(path) if name == MAIN else _importable(path, name)
    journal.set_item(sys.modules, name, module)
    code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    exec(code, vars(module), journal.definitions.namespace(vars(module)))
    return module


def _main(path: Path) -> ModuleType:
    module = ModuleType(MAIN)
    vars(module).update(__file__=str(path), __cached__=None, __package__="", __builtins__=builtins)
    return module


def _importable(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    return importlib.util.module_from_spec(spec)
