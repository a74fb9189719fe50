"""Settings of scripts that do not parse a command line: module attributes, which ``--set`` changes for one run.

``--set module.name=value`` is checked against the module's source before anything is imported, and
applied when the module is imported. At the gate, a function that the script calls early, everything
that the script needs is checked.
"""

from __future__ import annotations

import ast
import difflib
import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.adapter.description import Settings
from zplus_plugins.upstreams.imports.source_text import UnreadableSourceError, parse_source
from zplus_plugins.upstreams.patching.journal import Journal

_UNKNOWN: Any = object()
_HERE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Assignment:
    """One ``--set module.name=value``."""

    module: str
    name: str
    value: Any


def read_assignments(
    settings: Settings | None, root: Path, texts: Iterable[str], paths: Iterable[str] = ()
) -> list[Assignment]:
    """Parse and check the values of ``--set``, which are of modules in the root or one of ``paths`` in it.

    Raises:
        UsageError: there is no such module or name (the message lists those that exist), the value is of the wrong
            type, or a name is given twice.
    """
    folders = [root, *(root / path for path in paths)]
    found = [_read(settings, folders, text) for text in texts]
    names = [f"{assignment.module}.{assignment.name}" for assignment in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--set {name} is given {names.count(name)} times. Give it once.")
    return found


def watch_settings(
    journal: Journal,
    settings: Settings,
    root: Path,
    assignments: list[Assignment],
    check: Callable[[dict[str, Any]], None],
    defaults: Callable[[], Mapping[str, Any]] = dict,
) -> None:
    """Apply the assignments when their modules are imported; call ``check`` with all settings at the first gate after.

    Settings that were not assigned, and that the modules have, get the values of ``defaults``.

    A call of a gate counts only if it comes from the repository at ``root``: a gate may be a common function such as
    ``os.makedirs``, which libraries call as well.
    """
    modules: dict[str, ModuleType] = {}

    def arrived(imported: ModuleType) -> None:
        modules[imported.__name__] = imported
        ours = {name: value for name, value in defaults().items() if hasattr(imported, name)}
        given = {one.name: one.value for one in assignments if one.module == imported.__name__}
        for name, value in {**ours, **given}.items():
            journal.set(imported, name, value)

    for name in settings.modules:
        journal.when_imported(name, arrived)
    checked: list[bool] = []

    def guarding(call: Callable[..., Any]) -> Callable[..., Any]:
        def check_first(*args: Any, **kwargs: Any) -> Any:
            if not checked and len(modules) == len(settings.modules) and called_from(root.resolve()):
                check({k: v for module in modules.values() for k, v in vars(module).items() if k[0] != "_"})
                checked.append(True)
            return call(*args, **kwargs)

        return check_first

    for gate in settings.gates:
        journal.wrap_when_imported(gate, guarding)


def called_from(root: Path) -> bool:
    """Whether the code that called the wrapped function is below ``root``; this package's own frames do not count."""
    frame = sys._getframe(2)
    while frame.f_back is not None and Path(frame.f_code.co_filename).is_relative_to(_HERE):
        frame = frame.f_back
    return Path(frame.f_code.co_filename).resolve().is_relative_to(root)


def _read(settings: Settings | None, folders: list[Path], text: str) -> Assignment:
    if settings is None:
        raise UsageError(f"--set {text}: this script takes command-line arguments instead; give them after the script.")
    place, equals, raw = text.partition("=")
    module, _, name = place.strip().rpartition(".")
    if not equals or not module:
        raise UsageError(f"--set {text}: expected module.name=value, such as {settings.modules[0]}.NAME=VALUE.")
    if module not in settings.modules:
        raise UsageError(f"--set {text}: the settings are in {', '.join(settings.modules)}, not in {module}.")
    files = [folder.joinpath(*module.split(".")).with_suffix(".py") for folder in folders]
    file = next((file for file in files if file.is_file()), files[0])
    try:
        known = _assigned(file)
    except UnreadableSourceError as error:
        raise UsageError(f"--set {text}: {file} cannot be read as Python: {error}") from None
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise UsageError(f"--set {text}: {module} has no {name!r}.{hint} It has {', '.join(known)}.")
    return Assignment(module, name, _value(text, raw, known[name]))


def _value(text: str, raw: str, default: Any) -> Any:
    try:
        value = ast.literal_eval(raw)
    except (ValueError, SyntaxError):
        value = raw
    if default is _UNKNOWN or default is None or (isinstance(value, type(default)) and type(value) is type(default)):
        return value
    if isinstance(default, float) and type(value) is int:
        return float(value)
    if isinstance(default, str):
        return raw
    raise UsageError(f"--set {text}: expected a value of type {type(default).__name__}, such as {default!r}.")


@functools.cache
def _assigned(file: Path) -> dict[str, Any]:
    """Names that are assigned at the top level of a module, with their values if these are literals."""
    names: dict[str, Any] = {}
    for node in parse_source(file)[1].body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if isinstance(target, ast.Name):
                try:
                    names[target.id] = ast.literal_eval(node.value)  # type: ignore[attr-defined]
                except ValueError:
                    names[target.id] = _UNKNOWN
    return names
