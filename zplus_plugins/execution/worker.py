"""In a worker: the work, opened once, and what it tells of its tasks. Nothing heavy is imported before it is needed, so
that a process can choose its GPU first.
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from zplus_plugins._version import __version__
from zplus_plugins.errors import RequirementError
from zplus_plugins.system.console import heard_by

Advance = Callable[[str, int], None]
Work = Callable[[Any, Advance], Any]
"""Called with the item of a task and with a function to call after some steps, with a description and their number.

It seeds the random numbers itself and writes nothing, so that its result depends neither on the worker nor on the order
of the tasks. It is pickled for other processes, as are items and results.
"""
Performed = Callable[[str, Any], "Done"]

_TELL = 0.2  # seconds between two messages about steps
_performing: dict[str, Performed] = {}  # by the key of the work


class Told(NamedTuple):
    """What a worker tells while it works on a task.

    Attributes:
        task: the name of the task.
        worker: the name of the worker.
        kind: ``began`` for a task that starts, perhaps again; ``steps``, or ``log`` for a log message.
        text: description of the steps, or the message.
        number: number of steps, or level of the message.
    """

    task: str
    worker: str
    kind: Literal["began", "steps", "log"]
    text: str = ""
    number: int = 0


@dataclass(frozen=True)
class Done:
    """The result of a task, and what it told of its steps altogether: messages can be late, or lost."""

    result: Any
    worker: str
    what: str = ""
    steps: int = 0


class Unusable(Exception):
    """No task can be done: the work cannot be opened in a worker, or the workers are gone.

    Args:
        error: what to raise instead.
    """

    @property
    def error(self) -> Exception:
        """What to raise instead."""
        found: Exception = self.args[0]
        return found


class Stopped(Exception):
    """In a worker: nobody waits for the result of this task any more."""


class Place(Protocol):
    """Where a worker runs."""

    @property
    def name(self) -> str:
        """Name of the worker."""

    def tell(self, told: Told) -> None:
        """Send a message to the commanding process."""

    def is_wanted(self) -> bool:
        """Whether somebody still waits for the result of the current task."""


@dataclass(frozen=True)
class Kit:
    """What a worker in another process gets before its first task.

    Attributes:
        content: the pickled work.
        threads: number of torch's threads; results depend on it.
        volume: lowest level of log messages to send.
        made_with: versions on which results depend, by package.
    """

    content: bytes
    threads: int
    volume: int
    made_with: dict[str, str] = field(default_factory=lambda: versions())

    @classmethod
    def of(cls, work: Work, threads: int, volume: int) -> Kit:
        """Pickle the work.

        Raises:
            Exception: it cannot be pickled; of any kind.
        """
        return cls(pickle.dumps(work), threads, volume)


def versions() -> dict[str, str]:
    """Versions of the packages on which the bits of a result depend."""
    import torch

    return {"zplus-plugins": __version__, "torch": str(torch.__version__)}


class Bench:
    """A worker's place of work: opens the work at the first task, and does one task at a time, because all threads of a
    process share torch's random numbers."""

    def __init__(self, kit: Kit, place: Place) -> None:
        self._kit, self._place, self._lock = kit, place, threading.Lock()
        self._work: Work | None = None

    def __call__(self, name: str, item: Any) -> Done:
        volume = self._kit.volume
        with self._lock, heard_by(_Handler(name, self._place, volume), volume):
            from zplus_plugins.system.threads import limited_to

            self._place.tell(Told(name, self._place.name, "began"))
            with limited_to(self._kit.threads):
                steps = _Steps(name, self._place)
                result = self._opened()(item, steps.advance)
            return Done(result, self._place.name, steps.what, steps.total)

    def _opened(self) -> Work:
        if self._work is None:
            try:
                self._require_same_versions()
                work: Work = pickle.loads(self._kit.content)
            except Exception as error:
                raise Unusable(error) from error
            self._work = work
        return self._work

    def _require_same_versions(self) -> None:
        here = versions()
        for package, version in self._kit.made_with.items():
            if here[package] != version:
                raise RequirementError(
                    f"The worker {self._place.name} has {package} {here[package]}, and this process has {version}, so "
                    "results could differ. Install the same version in both places."
                )


class _Steps:
    """Tells of the steps of one task, those of a short while in one message."""

    def __init__(self, name: str, place: Place) -> None:
        self.what, self.total = "", 0
        self._name, self._place = name, place
        self._untold, self._last = 0, 0.0

    def advance(self, what: str, by: int) -> None:
        if not self._place.is_wanted():
            raise Stopped
        self.what, self.total, self._untold = what, self.total + by, self._untold + by
        if (now := time.monotonic()) - self._last > _TELL:
            self._place.tell(Told(self._name, self._place.name, "steps", what, self._untold))
            self._untold, self._last = 0, now


class _Handler(logging.Handler):
    def __init__(self, name: str, place: Place, volume: int) -> None:
        super().__init__(volume)
        self._task, self._place = name, place

    def emit(self, record: logging.LogRecord) -> None:
        self._place.tell(Told(self._task, self._place.name, "log", record.getMessage(), record.levelno))


def install(key: str, perform: Performed) -> None:
    """Make a work known in this process."""
    _performing[key] = perform


def remove(key: str) -> None:
    """Forget it."""
    _performing.pop(key, None)


def perform(key: str, name: str, item: Any) -> Done:
    """Do a task of a work that is known in this process; this is what executors run.

    Raises:
        Unusable: it is not known here, or cannot be opened.
        Exception: the task's own error.
    """
    if key not in _performing:
        raise Unusable(RequirementError("A worker has lost its work. Run the same command again."))
    return _performing[key](name, item)
