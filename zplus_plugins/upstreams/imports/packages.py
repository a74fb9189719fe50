"""Which modules can be imported here, and which of those that an upstream script imports cannot."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from zplus_plugins.upstreams.imports.advice import MissingModule
from zplus_plugins.upstreams.imports.script import missing_imports


def missing_modules(script: Path, root: Path) -> list[MissingModule]:
    """As :func:`~zplus_plugins.upstreams.imports.script.missing_imports`, of what can be imported here."""
    return missing_imports(script, root, is_installed)


def is_installed(top: str) -> bool:
    """Whether a top-level module can be imported; it is not."""
    if not top or top in sys.modules or top in sys.stdlib_module_names:
        return True
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False
