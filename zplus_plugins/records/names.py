"""Names that are used as file names and in messages."""

from __future__ import annotations

LONGEST = 100  # bytes; with what is put before and after it, a file name must not exceed 255
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(1, 10))}


def name_problem(name: str) -> str | None:
    """Why a name cannot be a file name on every system, as the predicate of a sentence; None if it can."""
    if not name:
        return "is empty"
    if not name.isprintable():
        return "contains characters that cannot be printed"
    if "/" in name or "\\" in name:
        return "contains a path separator"
    if name[0] in ".- ":
        return "begins with a dot, a dash or a space"
    if name[-1] in ". ":
        return "ends with a dot or a space"
    if name.partition(".")[0].rstrip().upper() in _DEVICES:
        return "is the name of a device on Windows"
    if len(name.encode()) > LONGEST:
        return f"has {len(name.encode())} bytes, more than {LONGEST}"
    return None
