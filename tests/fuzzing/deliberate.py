"""A reader with every fault that the fuzzer is there to find, so that it is seen to find them."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from zplus_plugins.errors import RecordError

KIND = "deliberate"


def _abort(path: Path) -> None:
    os.abort()


def _overflow(path: Path) -> None:
    import ctypes

    ctypes.string_at(8)


def _key_error(path: Path) -> None:
    raise KeyError("absent")


def _leave(path: Path) -> None:
    sys.exit(0)


def _advise(path: Path) -> None:
    raise RecordError(f"{path} can be loaded unsafely using allow_pickle=True.")


def _blame(path: Path) -> None:
    raise RecordError(f"{path}: invert.py itself failed.")


def _anonymous(path: Path) -> None:
    raise RecordError("There is something wrong with some file.")


def _garble(path: Path) -> None:
    raise RecordError(f"{path} holds \x1b[2J.")


def _allocate(path: Path) -> None:
    len(b"x" * 150_000_000)


def _claim(path: Path) -> Any:
    return np.zeros(500_000_000, np.uint8)


def _sleep(path: Path) -> None:
    time.sleep(600)


def _work(path: Path) -> None:
    pow(3, 10**8)


def _run(path: Path) -> None:
    os.system("true")


def _write(path: Path) -> None:
    path.with_name("written").write_text("")


def _call_out(path: Path) -> None:
    with socket.socket() as outside:
        outside.connect_ex(("127.0.0.1", 9))


def _evaluate(path: Path) -> None:
    eval("1 + 1")


def _import(path: Path) -> None:
    sys.modules.pop("colorsys", None)
    __import__("colorsys")


def _give_a_function(path: Path) -> Any:
    return {"state": [partial(os.system, "true")]}


def _give_objects(path: Path) -> Any:
    return np.array([None])


FAULTS: dict[Callable[[Path], Any], tuple[str, str]] = {
    _abort: ("crash", "SIGABRT"),
    _overflow: ("crash", "SIGSEGV"),
    _key_error: ("traceback", "KeyError"),
    _leave: ("traceback", "SystemExit"),
    _advise: ("message", "allow_pickle"),
    _blame: ("message", "itself failed"),
    _anonymous: ("message", "does not name the file"),
    _garble: ("message", "control characters"),
    _allocate: ("memory", "MB"),
    _claim: ("memory", "MB"),
    _sleep: ("time", "seconds"),
    _work: ("time", "seconds"),
    _run: ("ran", "os.system"),
    _write: ("ran", "writes to"),
    _call_out: ("ran", "socket."),
    _evaluate: ("ran", "exec"),
    _import: ("ran", "imports colorsys"),
    _give_a_function: ("ran", "can be called"),
    _give_objects: ("ran", "array of objects"),
}
"""Each fault with the failure that it must be counted as, and a word of its description."""


def read(path: Path) -> Any:
    """Do what the file's number says, wrong as it is; a number too large does nothing."""
    faults, number = list(FAULTS), int(path.read_text())
    return faults[number](path) if number < len(faults) else None
