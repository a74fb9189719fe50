"""Which modules can be imported in this environment, and which of a script's imports cannot."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from zplus_plugins.upstreams.imports.advice import MissingModule
from zplus_plugins.upstreams.imports.script import missing_imports


class AbsentModule(ModuleType):
    """Stands in for a module that is not installed."""


def missing_modules(script: Path, root: Path, extra: tuple[str, ...] = ()) -> list[MissingModule]:
    """:func:`~zplus_plugins.upstreams.imports.script.missing_imports` for the modules installed in this environment."""
    return missing_imports(script, root, is_installed, extra)


def is_installed(top: str) -> bool:
    """Whether a top-level module can be imported. It is not actually imported."""
    if not top or top in sys.modules or top in sys.stdlib_module_names:
        return not isinstance(sys.modules.get(top), AbsentModule)
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False
