"""What a process left behind: its files, its message."""

from __future__ import annotations

import subprocess
from pathlib import Path


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def failed(done: subprocess.CompletedProcess[str], message: str, status: int = 1) -> None:
    """One clear message, the right status, no traceback."""
    assert done.returncode == status, done.stderr[-3000:]
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("zplus: error:") == 1
