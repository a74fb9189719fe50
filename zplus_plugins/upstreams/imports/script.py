"""Which modules a script imports when it starts, and where they would be found, without importing anything."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from zplus_plugins.upstreams.imports.advice import MissingModule
from zplus_plugins.upstreams.imports.source_text import UnreadableSourceError, parse_source, parse_text, read_source

_HIDDEN = (".git", "node_modules", "__pycache__")


class _Found(NamedTuple):
    """What a file adds to the import path, and what it imports: the line and the folder or name of each."""

    path_changes: tuple[tuple[int, str], ...]
    imports: tuple[tuple[int, str], ...]


@dataclass
class _Search:
    """The import path of one script, which grows while its modules are imported.

    Attributes:
        extra: folders that the adapter adds to it, relative to the root.
        added: the folders that the sources add to it, each with a description of where.
        listed: the names in the folders that were looked into.
    """

    script: Path
    root: Path
    extra: tuple[str, ...] = ()
    added: dict[Path, str] = field(default_factory=dict)
    listed: dict[Path, frozenset[str]] = field(default_factory=dict)

    def folders(self, file: Path) -> tuple[Path, ...]:
        """The folders in which a file's imports are looked up; its own folder is last."""
        extra = (self.root / folder for folder in self.extra)
        return (self.script.parent, self.root, *extra, *self.added, file.parent)

    def with_module(self, top: str, file: Path) -> Iterator[Path]:
        """Those that hold a file or folder of a top-level module's name; most modules are in none."""
        for folder in dict.fromkeys(self.folders(file)):
            if folder not in self.listed:
                self.listed[folder] = names_in(folder)
            if not self.listed[folder].isdisjoint((top, f"{top}.py")):
                yield folder

    def add(self, file: Path, line: int, text: str) -> None:
        """Add a path, relative to any of the folders that the script may be started in."""
        told = f"{_shown(file, self.root)} adds {text} to the import path on line {line}"
        for base in dict.fromkeys((Path.cwd(), self.script.parent, self.root, file.parent)):
            self.added.setdefault(base / text, told)


def missing_imports(
    script: Path, root: Path, installed: Callable[[str], bool], extra: tuple[str, ...] = ()
) -> list[MissingModule]:
    """Top-level modules that a script imports, directly or through modules of its repository, and that are missing.

    Only imports at the top level of a file count, because others may never run.

    Args:
        script: the script.
        root: the root of its repository.
        installed: whether a top-level module can be imported from outside the repository.
        extra: folders to import from that the adapter adds, relative to the root.
    """
    search = _Search(script, root, extra)
    missing: dict[str, MissingModule] = {}
    for file, line, name in _all_imports(search):
        top = name.split(".")[0]
        if top and top not in missing and not _is_in(top, search.with_module(top, file)) and not installed(top):
            missing[top] = MissingModule(top, _shown(file, root), line, _hint(top, search))
    return list(missing.values())


def imports_any(script: Path, root: Path, modules: Collection[str]) -> bool:
    """Whether a script, or a module of its repository that it imports at its top, imports one of these modules."""
    return any(name.split(".")[0] in modules for _, _, name in _all_imports(_Search(script, root)))


def import_folders(script: Path, root: Path, extra: tuple[str, ...] = ()) -> tuple[Path, ...]:
    """The folders that a script's imports are looked for in, those that its sources add to ``sys.path`` included."""
    search = _Search(script, root, extra)
    for _ in _all_imports(search):
        pass
    return tuple(dict.fromkeys(folder.resolve() for folder in search.folders(script) if folder.is_dir()))


def own_sources(script: Path, root: Path) -> Iterator[tuple[Path, str]]:
    """File and text of a script and of its repository's modules that it imports at its top level.

    Raises:
        OSError, UnreadableSourceError: the script itself cannot be read.
    """
    yield script, parse_source(script)[0]
    seen = {script}
    for file, _, _ in _all_imports(_Search(script, root)):
        if file not in seen and file.is_relative_to(root):
            seen.add(file)
            yield file, read_source(file)


def names_in(folder: Path) -> frozenset[str]:
    """The names in a folder; none, if it cannot be listed: to ask for each of many names takes far longer."""
    try:
        return frozenset(path.name for path in folder.iterdir())
    except OSError:  # Python finds nothing in it, either
        return frozenset()


def _all_imports(search: _Search) -> Iterator[tuple[Path, int, str]]:
    """File, line and name of what is imported at the top of the script and of its repository's modules."""
    waiting, seen = [search.script], set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        path_changes, imports = _found_in(file)
        for line, text in path_changes:
            search.add(file, line, text)
        for line, name in imports:
            waiting += _own_files(name, search, file)
            yield file, line, name


def _found_in(file: Path) -> _Found:
    try:
        return _found_in_text(file, read_source(file))
    except (OSError, UnreadableSourceError):
        return _Found((), ())


@functools.lru_cache(4096)
def _found_in_text(file: Path, text: str) -> _Found:
    """A run asks several times what its script imports, and parsing takes longest."""
    tree = parse_text(text)
    return _Found(tuple(_path_changes(tree, file)), tuple(_imports(tree)))


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each import at the top level of a file; for ``from a import b``, both a and a.b."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            separator = "" if module.endswith(".") else "."
            yield node.lineno, module
            yield from ((node.lineno, module + separator + alias.name) for alias in node.names)


def _path_changes(tree: ast.Module, file: Path) -> Iterator[tuple[int, str]]:
    """Line and folder of ``sys.path.append(...)``, ``insert``, ``extend`` and ``sys.path += ...``, where the source
    shows which folders they are."""
    for node in ast.walk(tree):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            match node.func.attr:
                case "append" | "insert" if ast.unparse(node.func.value) == "sys.path":
                    values = node.args[-1:]
                case "extend" if ast.unparse(node.func.value) == "sys.path":
                    values = node.args[:1]
        elif isinstance(node, ast.AugAssign) and ast.unparse(node.target) == "sys.path":
            values = [node.value]
        for value in values:
            for one in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
                folder = _folder(one, file)
                if folder is not None:
                    yield one.lineno, folder


def _folder(node: ast.expr, file: Path) -> str | None:
    """The folder that an expression evaluates to: a literal, or an :mod:`os.path` expression with ``__file__``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name) and node.id == "__file__":
        return str(file)
    if not isinstance(node, ast.Call):
        return None
    parts = [_folder(argument, file) for argument in node.args]
    known = [part for part in parts if part is not None]
    if not parts or len(known) < len(parts):
        return None
    match ast.unparse(node.func).rpartition(".")[2]:
        case "join" | "Path":
            return str(Path(*known))
        case "dirname":
            return str(Path(known[0]).parent)
        case "abspath" | "realpath" | "str" | "normpath":
            return known[0]
    return None


def _is_in(top: str, folders: Iterable[Path]) -> bool:
    return any((folder / top).is_dir() or (folder / f"{top}.py").is_file() for folder in folders)


def _own_files(name: str, search: _Search, file: Path) -> list[Path]:
    """The files of the repository that a file's ``import name`` executes; relative names lie beside the file."""
    relative, name = name.startswith("."), name.lstrip(".")
    for folder in [file.parent] if relative else search.with_module(name.partition(".")[0], file):
        path = folder.joinpath(*name.split("."))
        candidates = [path.with_suffix(".py"), path / "__init__.py", path.parent / "__init__.py"]
        found = [candidate for candidate in candidates[:2] if candidate.is_file()]
        if found:
            return [*found, *(c for c in candidates[2:] if c.is_file())]
    return []


def _hint(top: str, search: _Search) -> str:
    """A hint from the checkout: another folder that contains the module, or an empty folder that should contain it."""
    for path in sorted((*search.root.rglob(top), *search.root.rglob(f"{top}.py"))):
        own = path.relative_to(search.root)
        if not set(own.parts) & set(_HIDDEN):
            return f"The checkout contains {own}, but in a folder that is not on the script's import path."
    words = {told for folder, told in search.added.items() if _has_files(folder)}
    empty = [told for told in search.added.values() if told not in words]
    return f"{empty[0]}, but nothing is there: another repository belongs in that folder." if empty else ""


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _shown(file: Path, root: Path) -> Path:
    return file.relative_to(root) if file.is_relative_to(root) else file
