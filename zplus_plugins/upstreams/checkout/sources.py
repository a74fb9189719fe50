"""Look up files, functions and classes in a checkout's sources, which are parsed but never imported."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from zplus_plugins.upstreams.imports.packages import is_installed
from zplus_plugins.upstreams.imports.source_text import UnreadableSourceError, parse_source

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Unseen(Exception):
    """A module, function or class that may exist, but only an import could tell."""


def fingerprint(source: str) -> str:
    """Hash of a source text, ignoring blank lines, comment lines, indentation depth and line endings."""
    lines = [line.rstrip() for line in source.expandtabs(4).splitlines()]
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return hashlib.sha256("\n".join(line[margin:] for line in lines).encode()).hexdigest()[:16]


def read_place(root: Path, where: str) -> tuple[str, tuple[str, ...]]:
    """Source text and parameter names of ``"file.py:Class.function"``; for ``"file.py"``, all of the file.

    Raises:
        LookupError: the file, or the function in it, does not exist; the message says which.
    """
    file, _, path = where.partition(":")
    text, node = _parse(root, file)
    if not path:
        return text, ()
    for name in path.split("."):
        found = _definition(node, name)
        if found is None:
            raise LookupError(f"{file} defines no {path}")
        node = found
    return ast.get_source_segment(text, node, padded=True) or "", _parameters(node)


def require_place(root: Path, folders: Sequence[Path], place: str) -> None:
    """Look for ``"package.module:Class.function"`` where an import would; for ``"package.module"``, for its file.

    Args:
        root: the root of the checkout.
        folders: the folders of the import path, in order.
        place: the module, function or class. If its module belongs to an installed library, nothing is checked.

    Raises:
        LookupError: it does not exist; the message says what is missing.
        Unseen: the module may be in a folder that the script itself adds to the import path, or the name may be
            defined in another module.
    """
    module, _, path = place.partition(":")
    file = _module_file(folders, module)
    if file is None:
        return
    relative = file.relative_to(root).as_posix()
    _, node = _parse(root, relative)
    for name in filter(None, path.split(".")):
        found = _definition(node, name)
        if found is None and _may_come_from_elsewhere(node, name):
            raise Unseen(f"{relative} gets {name} from elsewhere")
        if found is None:
            raise LookupError(f"{relative} defines no {path}")
        node = found


def _module_file(folders: Sequence[Path], module: str) -> Path | None:
    """The module's file in the checkout; None if it belongs to an installed library."""
    parts = module.split(".")
    for folder in folders:
        path = folder.joinpath(*parts)
        for candidate in (path / "__init__.py", path.with_name(f"{path.name}.py")):
            if candidate.is_file():
                return candidate
    if any((folder / parts[0]).is_dir() or (folder / f"{parts[0]}.py").is_file() for folder in folders):
        raise LookupError(f"there is no module {module}")
    if not is_installed(parts[0]):
        raise Unseen(f"the module {module} is neither in the script's folder, nor in the root, nor installed")
    return None


def _parse(root: Path, file: str) -> tuple[str, ast.AST]:
    try:
        return parse_source(root / file)
    except OSError:
        raise LookupError(f"the file {file} does not exist") from None
    except UnreadableSourceError as error:
        raise LookupError(f"{file} cannot be read as Python: {error}") from None


def _definition(node: ast.AST, name: str) -> ast.AST | None:
    """The last class or function of this name in a module or class, including those below ``if`` and ``try``."""
    found = [below for below in _own_scope(node) if isinstance(below, _SCOPES) and below.name == name]
    return found[-1] if found else None


def _may_come_from_elsewhere(node: ast.AST, name: str) -> bool:
    """Whether a name that is not defined here may be imported, assigned or inherited."""
    if isinstance(node, ast.ClassDef) and node.bases:
        return True
    return any(
        (isinstance(below, ast.alias) and (below.asname or below.name) in (name, "*"))
        or (isinstance(below, ast.Name) and isinstance(below.ctx, ast.Store) and below.id == name)
        for below in _own_scope(node)
    )


def _own_scope(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module or class, without the bodies of its functions and classes."""
    for below in ast.iter_child_nodes(node):
        yield below
        if not isinstance(below, _SCOPES):
            yield from _own_scope(below)


def _parameters(node: ast.AST) -> tuple[str, ...]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ()
    arguments = node.args
    return tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
