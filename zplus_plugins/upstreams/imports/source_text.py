"""Python sources as the interpreter reads them: byte order marks, coding cookies and any line ends."""

from __future__ import annotations

import ast
import tokenize
from pathlib import Path


class UnreadableSourceError(ValueError):
    """A file is no Python source; the message says why."""


def parse_source(file: Path) -> tuple[str, ast.Module]:
    """Text and syntax tree of a source file; the text has no byte order mark, and ``\\n`` at the ends of lines.

    Raises:
        OSError: the file cannot be read.
        UnreadableSourceError: it is no Python, or not in the encoding that it claims (PEP 263).
    """
    try:
        with tokenize.open(file) as lines:
            text = lines.read()
        return text, ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnreadableSourceError(f"{error}" or type(error).__name__) from None
