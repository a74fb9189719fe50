"""Read Python sources as the interpreter does, with byte order marks, encoding declarations and any line endings."""

from __future__ import annotations

import ast
import contextlib
import functools
import tokenize
from collections.abc import Iterator
from pathlib import Path


class UnreadableSourceError(ValueError):
    """A file is not a valid Python source; the message says why."""


def parse_source(file: Path) -> tuple[str, ast.Module]:
    """Text and syntax tree of a source file; the text has no byte order mark, and its lines end with ``\\n``.

    Raises:
        OSError: the file cannot be read.
        UnreadableSourceError: it is not Python, or not in the encoding that it declares (PEP 263).
    """
    text = read_source(file)
    return text, parse_text(text)


def read_source(file: Path) -> str:
    """The text alone; raises as :func:`parse_source`, but does not see all that is not Python."""
    with _telling(), tokenize.open(file) as lines:
        return lines.read()


@functools.lru_cache(8)
def parse_text(text: str) -> ast.Module:
    """The syntax tree of a text; callers share it, and must not change it.

    Raises:
        UnreadableSourceError: it is not Python.
    """
    with _telling():
        return ast.parse(text)


@contextlib.contextmanager
def _telling() -> Iterator[None]:
    try:
        yield
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnreadableSourceError(f"{error}" or type(error).__name__) from None


def scoped(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node below a tree, with the names of the classes and functions around it, ``Class.function``."""
    for below in ast.iter_child_nodes(tree):
        yield scope, below
        inside = isinstance(below, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        yield from scoped(below, f"{scope}.{below.name}".lstrip(".") if inside else scope)  # type: ignore[attr-defined]
