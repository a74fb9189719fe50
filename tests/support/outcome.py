"""What a process leaves behind: its files and its error message."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(done: Any, status: int, *parts: str) -> None:
    """Require one clear message, this status and no traceback; ``done`` is a process or click's result.

    If this fails, the failure names the missing parts and shows what was written.
    """
    code, text = (done.returncode, done.stderr) if hasattr(done, "returncode") else (done.exit_code, done.output)
    end = text[-3000:]
    assert code == status, f"status {code} instead of {status}; it wrote:\n{end}"
    missing = [part for part in parts if part not in text]
    assert not missing, f"{missing} not in:\n{end}"
    assert "Traceback" not in text, f"a traceback:\n{end}"
    assert text.count("zplus: error:") == 1, f"not exactly one error message:\n{end}"


def failed(done: Any, *parts: str) -> None:
    """:func:`refused` with status 1."""
    refused(done, 1, *parts)
