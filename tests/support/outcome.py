"""What a process leaves behind: its files and its error message."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(done: Any, status: int, *parts: str) -> None:
    """Require one clear message, this status and no traceback; ``done`` is a process or click's result."""
    code, text = (done.returncode, done.stderr) if hasattr(done, "returncode") else (done.exit_code, done.output)
    assert code == status, text[-3000:]
    for part in parts:
        assert part in text, f"{part!r} is not in: {text[-2000:]}"
    assert "Traceback" not in text
    assert text.count("zplus: error:") == 1


def failed(done: Any, *parts: str) -> None:
    """:func:`refused` with status 1."""
    refused(done, 1, *parts)
