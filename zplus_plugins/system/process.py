"""The process of a command: what signals do to it, and its streams.

Nothing heavy is imported here, so that Ctrl-C is heeded well while torch is still being imported: a KeyboardInterrupt
raised inside the initialisation of a compiled module can end in a crash.
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

# Each with what Python does about it unless told otherwise; what a parent process had ignored stays so.
_ENDING: dict[signal.Signals, Any] = {
    number: signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
    for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))
    if number is not None
}


CTRL_C = 128 + signal.SIGINT


class Stopped(KeyboardInterrupt):
    """A signal that ends a process: Ctrl-C, or SIGTERM or SIGHUP, which are heeded as Ctrl-C is.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def begin() -> None:
    """Make this a command's process: all its streams are there, and a signal ends it at once and with one message.

    That is right until a command begins its work, for which there is :func:`interruptible`.
    """
    _open_streams()
    _heed(_leave)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let signals raise :class:`Stopped` inside, so that work can be cleaned up after."""
    before = _heed(_raise)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def status_of(interruption: BaseException | None) -> int:
    """The exit status that tells a shell which signal it was: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + interruption.number if isinstance(interruption, Stopped) else CTRL_C


def flush_output() -> None:
    """Write what is left of the standard output.

    Raises:
        OSError: it cannot be written, and will not be tried again.
    """
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()
        raise


def drop_output() -> None:
    """Let the standard output go nowhere, so that Python does not fail on the rest of it as it ends."""
    with suppress(OSError, ValueError):  # ValueError: the stream is none of the system's, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _open_streams() -> None:
    """A closed stream's number would be that of the next file, into which libraries would then print."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:  # a file's name may be no text
        reconfigure(errors="backslashreplace")


def _heed(handler: Callable[[int, FrameType | None], None]) -> dict[signal.Signals, Any]:
    """Handle the signals, as far as nobody else does; returns the handlers that were there."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    ours = (_leave, _raise)
    before = {number: signal.getsignal(number) for number in _ENDING}
    heeded = {number: was for number, was in before.items() if was in ours or was == _ENDING[number]}
    for number in heeded:
        signal.signal(number, handler)
    return heeded


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    with suppress(OSError):
        os.write(2, b"\nzplus: interrupted before anything was done.\n")
    os._exit(128 + number)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(number)
