"""Raise at a line of one's choice, as Ctrl-C may."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import zplus_plugins.patches

TESTS = str(Path(__file__).resolve().parents[1])
OURS = (str(Path(zplus_plugins.__file__).parent), *zplus_plugins.patches.__path__)
Concerns = Callable[[str], bool]


class Interrupted(BaseException):
    """No Exception, as KeyboardInterrupt is none."""


def everything_below(filename: str) -> bool:
    """All Python code that the test calls but Python's own import system, whose locks and tables are its own."""
    return not filename.startswith(("<frozen importlib", TESTS))


def ours(filename: str) -> bool:
    """The package's code alone."""
    return filename.startswith(OURS)


def places(action: Callable[[], object], concerns: Concerns, *, each: str = "line") -> list[str]:
    """The lines, or for ``opcode`` the instructions, that an action comes to, in order."""
    return _Interrupter(0, concerns, each).run(action)


def first_and_last(visited: list[str]) -> list[int]:
    """Where each place comes for the first and for the last time, to :func:`interrupt` there; loops are long."""
    first = {place: i for i, place in reversed(list(enumerate(visited, start=1)))}
    last = {place: i for i, place in enumerate(visited, start=1)}
    return sorted({*first.values(), *last.values()})


def interrupt(action: Callable[[], object], at: int, concerns: Concerns, *, each: str = "line") -> None:
    """Run an action with an exception raised as it comes to its ``at``-th place, counted from 1."""
    try:
        _Interrupter(at, concerns, each).run(action)
    except Interrupted:
        return
    except Exception as error:  # an error of ours may follow it, and has it for its context
        if not isinstance(error.__context__, Interrupted):
            raise
        return
    raise AssertionError(f"nothing was raised at place {at}")


class _Interrupter:
    def __init__(self, at: int, concerns: Concerns, each: str) -> None:
        self._at, self._concerns, self._each = at, concerns, each
        self._visited: list[str] = []
        self._left = at

    def run(self, action: Callable[[], object]) -> list[str]:
        before, collecting = sys.gettrace(), gc.isenabled()
        gc.disable()  # it comes when it likes, and calls hooks of other libraries, whose lines would count
        sys.settrace(self._enter)
        try:
            action()
        finally:
            sys.settrace(before)
            if collecting:
                gc.enable()
        return self._visited

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._concerns(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = self._each == "opcode"
        return self._count if self._at else self._note

    def _note(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == self._each:
            self._visited.append(self._place(frame))
        return self._note

    def _count(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == self._each:
            self._left -= 1
            if self._left == 0:
                raise Interrupted(self._place(frame))
        return self._count

    def _place(self, frame: FrameType) -> str:
        where = frame.f_lasti if self._each == "opcode" else frame.f_lineno
        return f"{frame.f_code.co_filename}:{frame.f_code.co_name}:{where}"
