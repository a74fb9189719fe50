"""What a process left behind: its files, its message."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(done: Any, status: int, *parts: str) -> None:
    """One clear message, the right status, no traceback; ``done`` is a process or click's result."""
    code, text = (done.returncode, done.stderr) if hasattr(done, "returncode") else (done.exit_code, done.output)
    assert code == status, text[-3000:]
    for part in parts:
        assert part in text
    assert "Traceback" not in text
    assert text.count("zplus: error:") == 1


def failed(done: Any, message: str, status: int = 1) -> None:
    """:func:`refused`, mostly with status 1."""
    refused(done, status, message)
