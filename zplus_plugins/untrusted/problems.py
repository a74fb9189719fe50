"""What can be wrong with a file that nobody vouches for, and how to tell it."""

from __future__ import annotations


class RefusedError(Exception):
    """A file asks for something that no weights need; the message is its name, and nothing of it has run."""


class DamagedError(Exception):
    """A file is truncated, damaged, or not what it should be; the message says in which way."""


def printable(text: str, most: int = 100) -> str:
    """A file's text for a message: a terminal would obey control characters."""
    text = text if len(text) <= most else f"{text[:most]}..."
    return text if text.isprintable() else ascii(text)


def told(error: Exception) -> str:
    """Why a file was not loaded, for a message that has named it: of an error that reading it may raise."""
    if isinstance(error, RefusedError):
        return f"it holds {error}, which no weights need, and which could run any program; nothing of it was run"
    return (error.strerror or str(error)) if isinstance(error, OSError) else reason_of(error)


def reason_of(error: BaseException) -> str:
    """Why reading failed, in one line. What is damaged can fail in any way, and most of these say little by themselves.

    Returns:
        The text of an error that was raised in order to be read, else the kind of the error beside its text.
    """
    if isinstance(error, EOFError):
        return "it ends too early"
    text = printable(str(error).strip().partition("\n")[0], 200)
    if isinstance(error, DamagedError):
        return text.rstrip(".")
    return f"its content makes no sense ({type(error).__name__}{f': {text}' if text else ''})"
