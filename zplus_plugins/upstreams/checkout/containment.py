"""Somebody else's code, called so that it can neither end this process nor leave it changed.

What a plugin does to the process by a signal to itself, by ``os.abort``, in a compiled module or by never coming back
is out of reach here, as it is for every program that has plugins in its own process.
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
    """Takes the place of ``os._exit``, which nothing could catch."""

    def __init__(self, status: int) -> None:
        super().__init__(status)


@contextmanager
def no_exit() -> Iterator[None]:
    """Inside, ``os._exit`` raises, and a signal raises :class:`~zplus_plugins.system.process.Stopped`.

    So a KeyboardInterrupt of another type is the plugin's own, and no Ctrl-C.
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
    """As :func:`no_exit`; and afterwards the import path, the current folder and the handlers of signals are as before.

    What is printed inside goes to the standard error output: the other one is for what the command has to say.
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
    """In a line, what somebody else's code has raised, or how it tried to end the process."""
    if isinstance(error, SystemExit):
        return f"it called sys.exit({'' if error.code is None else repr(error.code)})"
    if isinstance(error, _Left):
        return f"it called os._exit({error.args[0]})"
    text = str(error).partition("\n")[0]
    if isinstance(error, ImportError) and _is_of_old(error):
        return f"{text.partition(' (')[0]}: what adapters need is imported from zplus_plugins.upstreams now"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


_OLD = frozenset(
    {
        "adapter", "captures", "conditions", "device", "device_settings", "inputs", "journal", "latent", "mapping",
        "networks", "packages", "pickles", "pictures", "record", "requirements", "run", "states", "summary", "swap",
    }
)  # fmt: skip
"""Modules that adapters imported from before there was zplus_plugins.upstreams."""


def _is_of_old(error: ImportError) -> bool:
    """Whether an adapter asks for what was on top of the package, in a module of its own or not."""
    package, _, module = (error.name or "").rpartition(".")
    return error.name == "zplus_plugins" or (package == "zplus_plugins" and module in _OLD)


def place(error: BaseException) -> str:
    """File and line where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else "an unknown place"


def _handlers() -> dict[int, Callable[..., Any] | int]:
    """The handlers that Python knows of, which only the main thread can change."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    known = {number: signal.getsignal(number) for number in signal.valid_signals()}
    return {number: handler for number, handler in known.items() if handler is not None}
