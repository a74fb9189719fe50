"""Call other people's code so that it can neither end this process nor leave it changed.

There are limits, as for any program with plugins in its own process: nothing here can stop a plugin that sends a signal
to its own process, calls ``os.abort``, crashes in a compiled module, or never returns.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, NoReturn

from zplus_plugins.system import process


class _Left(BaseException):
    """Raised instead of calling ``os._exit``, which could not be caught."""

    def __init__(self, status: int) -> None:
        super().__init__(status)


@contextmanager
def no_exit() -> Iterator[None]:
    """A context in which ``os._exit`` raises, and a signal raises :class:`~zplus_plugins.system.process.Stopped`.

    So any other KeyboardInterrupt is raised by the plugin itself and is not a Ctrl-C.
    """
    leave, owner, inside = os._exit, os.getpid(), True

    def refuse(status: int) -> NoReturn:
        if inside and os.getpid() == owner:
            raise _Left(status)
        leave(status)

    with process.interruptible():
        os._exit = refuse
        try:
            yield
        finally:
            os._exit = leave
            inside = False


@contextmanager
def imported_apart() -> Iterator[None]:
    """Like :func:`no_exit`, but also restores the import path, the current folder and the signal handlers.

    Whatever is printed inside goes to stderr, because stdout is for the command's own output.
    """
    path, folder, handlers = list(sys.path), os.getcwd(), _handlers()  # noqa: PTH109 # as os.chdir takes it
    try:
        with no_exit(), redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = path
        os.chdir(folder)
        for number, handler in handlers.items():
            if signal.getsignal(number) != handler:
                signal.signal(number, handler)


def why(error: BaseException) -> str:
    """In one line, what a plugin's code has raised, or how it tried to end the process."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({'' if error.code is None else repr(error.code)})"
    if isinstance(error, _Left):
        return f"it called os._exit({error.args[0]})"
    text = str(error).partition("\n")[0]
    if isinstance(error, ImportError) and _is_of_old(error):
        return f"{text.partition(' (')[0]}: adapters now import what they need from zplus_plugins.upstreams"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


_OLD = frozenset(
    {
        "adapter", "captures", "conditions", "device", "device_settings", "inputs", "journal", "latent", "mapping",
        "networks", "packages", "pickles", "pictures", "record", "requirements", "run", "states", "summary", "swap",
    }
)  # fmt: skip
"""Modules from which adapters used to import, before zplus_plugins.upstreams existed."""


def _is_of_old(error: ImportError) -> bool:
    """Whether the import is of one of the package's former top-level modules, or of a name from the package itself."""
    package, _, module = (error.name or "").rpartition(".")
    return error.name == "zplus_plugins" or (package == "zplus_plugins" and module in _OLD)


def raised_at(error: BaseException) -> str:
    """The file and line where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "an unknown place"


def _handlers() -> dict[int, Callable[..., Any] | int]:
    """The signal handlers that Python can restore; none outside the main thread, which alone can change them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    known = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {number: handler for number, handler in known.items() if handler is not None}
