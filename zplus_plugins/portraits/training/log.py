"""The log of a training: one JSON line of values for each checkpoint.

A line is written before its checkpoint, so that none is lost if training is killed; a line whose checkpoint was never
written is removed when training resumes.
"""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

from zplus_plugins.errors import RequirementError
from zplus_plugins.system import console
from zplus_plugins.system.files import write_whole


def append(path: Path, figures: dict[str, float]) -> None:
    """Write a line to the log and to the terminal, with five significant digits per number.

    Raises:
        RequirementError: the file cannot be written to, or the disk is full.
    """
    line = json.dumps(
        {name: float(f"{value:.5g}") if isinstance(value, float) else value for name, value in figures.items()}
    )
    try:
        with path.open("a") as log:
            log.write(line + "\n")
    except OSError as error:
        raise RequirementError(
            f"Cannot write {path}: {error.strerror or error}. Free some space or choose another folder with --out; "
            "the same command continues from the last checkpoint."
        ) from None
    console.result(line)


def drop_after(path: Path, seen: int) -> None:
    """Remove lines of a log that are beyond the number of images seen, or that were cut off.

    Raises:
        RequirementError: the file cannot be read or written to.
    """
    try:
        whole = path.read_text(errors="replace") if path.exists() else ""
    except OSError as error:
        raise RequirementError(f"Cannot read {path}: {error.strerror or error}.") from None
    kept = "".join(f"{line}\n" for line in whole.splitlines() if _seen(line) <= seen)
    if kept != whole:
        write_whole(path, kept.encode())


def _seen(line: str) -> float:
    try:
        return float(json.loads(line)["seen"])
    except (ValueError, TypeError, KeyError):
        return inf
