"""Errors of untrusted files, and their wording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class RefusedError(Exception):
    """A file names something that weights do not need; the message is that name. No code in the file was executed."""


class DamagedError(Exception):
    """A file is truncated, damaged, or of another kind than expected; the message says how."""


def printable(text: str, most: int = 100) -> str:
    """Text from a file, made safe for a message, because a terminal would interpret control characters."""
    text = text if len(text) <= most else f"{text[:most]}..."
    return text if text.isprintable() else ascii(text)


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few of many names from a file."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(printable, names[:most])) + more


def shown(value: Any) -> str:
    """A value from a file for a message; only its type unless it is plain, because a list may contain itself."""
    if isinstance(value, str):
        return repr(printable(value))
    plain = isinstance(value, float | None) or (isinstance(value, int) and value.bit_length() <= 64)
    return repr(value) if plain else f"a value of type {type(value).__name__}"


def told(error: Exception) -> str:
    """Why a file was not loaded, as a clause for a message that has already named the file.

    Args:
        error: raised while reading the file.
    """
    if isinstance(error, RefusedError):
        return f"it contains {error}, which weights do not need and which could run any program; none of it was run"
    return (error.strerror or str(error)) if isinstance(error, OSError) else reason_of(error)


def reason_of(error: BaseException) -> str:
    """Why reading failed, in one line. A damaged file can cause any error, and most of them say little on their own.

    Returns:
        The message of a DamagedError; for any other error, its type and message.
    """
    if isinstance(error, EOFError):
        return "it is truncated"
    text = printable(str(error).strip().partition("\n")[0], 200)
    if isinstance(error, DamagedError):
        return text.rstrip(".")
    return f"its content is invalid ({type(error).__name__}{f': {text}' if text else ''})"
