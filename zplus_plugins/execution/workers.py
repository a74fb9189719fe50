"""Executors whose workers know one work, and the simplest of them: this process."""

from __future__ import annotations

import secrets
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, TypeVar

from zplus_plugins.errors import RequirementError
from zplus_plugins.execution.worker import Done, Told, Work, install, remove

Result = TypeVar("Result")
MOST_DEATHS = 3  # of workers at one task


class WorkerDied(RequirementError):
    """Three workers died at one task; says how, as the end of a sentence about it."""


class Workers(Executor):
    """An executor whose workers know one work; see :func:`~zplus_plugins.execution.worker.perform`.

    Attributes:
        key: the name of the work in the workers.
        told: messages of the workers, in order; to be emptied by whoever submits the tasks.
    """

    def __init__(self) -> None:
        self.key = secrets.token_hex(8)
        self.told: SimpleQueue[Told] = SimpleQueue()

    @property
    @abstractmethod
    def outstanding(self) -> int:
        """How many tasks to submit before the first of them is done: as many as there are workers."""

    @property
    @abstractmethod
    def elsewhere(self) -> bool:
        """Whether tasks run while this process does something else."""

    @abstractmethod
    def stop(self) -> None:
        """Stop at once: unfinished tasks are given up, and no process is left behind."""


class InThisProcess(Workers):
    """Runs each task in this process while it is submitted; ``tell`` is called at each message."""

    def __init__(self, work: Work, threads: int, tell: Callable[[Told], None] | None = None) -> None:
        super().__init__()
        self._work, self._threads, self.tell = work, threads, tell or self.told.put
        install(self.key, self._perform)

    outstanding = 1
    elsewhere = False

    def _perform(self, name: str, item: Any) -> Done:
        from zplus_plugins.system.threads import limited_to

        last, steps = "", 0

        def advance(what: str, by: int) -> None:
            nonlocal last, steps
            last, steps = what, steps + by
            self.tell(Told(name, "", "steps", what, by))

        with limited_to(self._threads):
            result = self._work(item, advance)
        return Done(result, "", last, steps)

    def submit(self, function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Run it; Ctrl-C goes through to the caller."""
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def stop(self) -> None:
        remove(self.key)
