"""The process of a command: its signal handlers and standard streams.

Nothing heavy is imported here, so that Ctrl-C is handled cleanly while torch is still being imported: a
KeyboardInterrupt raised while a compiled module initialises can crash the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

# Each signal with Python's default handler; signals that a parent process ignores stay ignored.
_ENDING: dict[signal.Signals, Any] = {
    number: signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
    for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))
    if number is not None
}


CTRL_C = 128 + signal.SIGINT


class Stopped(KeyboardInterrupt):
    """A signal that ends a process: Ctrl-C, or SIGTERM or SIGHUP, which are handled like Ctrl-C.

    Attributes:
        number: the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def begin() -> None:
    """Set up this process for a command: open missing streams, and let a signal end it immediately with one message.

    Use :func:`interruptible` once the command starts its work.
    """
    _open_streams()
    _handle(_leave)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let signals raise :class:`Stopped` inside, so that the command can clean up."""
    before = _handle(_raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def status_of(interruption: BaseException | None) -> int:
    """The exit status for a signal, by the shell's convention: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + interruption.number if isinstance(interruption, Stopped) else CTRL_C


def flush_output() -> None:
    """Flush the standard output.

    Raises:
        OSError: it cannot be written; the rest of it is dropped.
    """
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
        raise


def drop_output() -> None:
    """Redirect the standard output to the null device, so that Python does not fail when it flushes at exit."""
    with suppress(OSError, ValueError):  # ValueError: the stream has no descriptor, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _open_streams() -> None:
    """Open closed streams: otherwise the next file to be opened gets their descriptor, and libraries print into it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:  # a file name may not be valid text
        reconfigure(errors="backslashreplace")


def _handle(handler: Callable[[int, FrameType | None], None]) -> dict[signal.Signals, Any]:
    """Handle the signals that no other code handles; returns the previous handlers."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    ours = (_leave, _raise)
    before = {number: signal.getsignal(number) for number in _ENDING}
    handled = {number: was for number, was in before.items() if was in ours or was == _ENDING[number]}
    for number in handled:
        signal.signal(number, handler)
    return handled


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    with suppress(OSError):
        os.write(2, b"\nzplus: interrupted before anything was done.\n")
    os._exit(128 + number)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(number)
