"""Do many tasks with an executor: a few at a time, with results kept as they come, and failures that stay alone."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from queue import Empty
from typing import Any, Generic, TypeVar

from zplus_plugins.errors import RequirementError, ZPlusError
from zplus_plugins.execution.worker import Advance, Done, Told, Unusable, perform
from zplus_plugins.execution.workers import InThisProcess, WorkerDied, Workers

_log = logging.getLogger("zplus_plugins")
_LISTEN = 0.1  # seconds

Item = TypeVar("Item")


@dataclass(frozen=True)
class Task(Generic[Item]):
    """One item to work on, with a name that no other task has, for messages."""

    name: str
    item: Item


@dataclass(frozen=True)
class Failure(Generic[Item]):
    """A task that failed, and its error."""

    task: Task[Item]
    error: Exception

    @property
    def name(self) -> str:
        """Name of the task."""
        return self.task.name


def run_tasks(
    executor: Workers,
    tasks: Iterable[Task[Item]],
    keep: Callable[[Task[Item], Any], None],
    advance: Advance,
    fatal: tuple[type[Exception], ...] = (),
) -> list[Failure[Item]]:
    """Do tasks, and return those that failed.

    A task fails by an exception, or by the death of three workers, one after the other; the others are done all the
    same. If this is interrupted, results that have arrived are kept before it ends.

    Args:
        executor: with the work.
        tasks: read only as fast as they are done, so that items need not be in memory together.
        keep: called in this thread with each task and its result, in the order in which they are done.
        advance: called in this thread with a description and a number of steps just done; negative if they have to be
            done again, or were in vain.
        fatal: errors of a task that concern all others, so that they are raised at once.

    Raises:
        RequirementError: the workers cannot start, or are gone.
        Exception: of ``tasks`` or ``keep``, or because the work cannot be unpickled in a worker.
    """
    return _Run(executor, keep, advance, fatal).all(tasks)


def raise_for(failures: Sequence[Failure[Any]]) -> None:
    """Raise an error for the tasks that failed, if there are any.

    Raises:
        Exception: the error itself of a single failure, or one of the same kind that names all of them.
    """
    if not failures:
        return
    first = failures[0].error
    if len(failures) == 1 or not isinstance(first, ZPlusError):
        raise first
    others = "; ".join(f"{failure.name}: {failure.error}" for failure in failures[1:])
    text = f"{len(failures)} failed. {failures[0].name}: {first}; {others}"
    raise (type(first) if all(type(f.error) is type(first) for f in failures) else RequirementError)(text) from first


class _Run(Generic[Item]):
    """Tasks at work."""

    def __init__(
        self,
        executor: Workers,
        keep: Callable[[Task[Item], Any], None],
        advance: Advance,
        fatal: tuple[type[Exception], ...],
    ) -> None:
        self._executor, self._keep, self._advance, self._fatal = executor, keep, advance, fatal
        self._running: dict[Future[Done], Task[Item]] = {}
        self._ready: deque[tuple[Task[Item], Future[Done]]] = deque()
        self._steps: dict[str, tuple[str, int]] = {}  # of the running tasks, as told
        self._failures: list[Failure[Item]] = []
        if isinstance(executor, InThisProcess):
            executor.tell = self._hear

    def all(self, tasks: Iterable[Task[Item]]) -> list[Failure[Item]]:
        left = iter(tasks)
        try:
            self._submit(left)
            while self._running:
                done, _ = wait(self._running, _LISTEN, FIRST_COMPLETED)
                self._listen()
                self._ready += ((self._running.pop(future), future) for future in sorted(done, key=_has_failed))
                if self._executor.elsewhere:
                    self._submit(left)
                self._settle()
                if not self._executor.elsewhere:
                    self._submit(left)
        except BaseException:
            self._rescue()
            raise
        return self._failures

    def _submit(self, left: Iterable[Task[Item]]) -> None:
        for _ in range(self._executor.outstanding - len(self._running)):
            task = next(iter(left), None)
            if task is None:
                return
            self._steps[task.name] = ("", 0)
            self._running[self._executor.submit(perform, self._executor.key, task.name, task.item)] = task

    def _settle(self) -> None:
        while self._ready:
            task, future = self._ready[0]
            try:
                done = future.result()
            except Unusable as unusable:
                raise unusable.error from unusable.error.__cause__
            except CancelledError:
                raise RequirementError(f"{task.name} was cancelled. Run the same command again to continue.") from None
            except self._fatal:
                raise
            except Exception as error:
                self._ready.popleft()
                self._fail(task, error)
            else:
                self._catch_up(task.name, done)
                self._ready.popleft()
                self._keep(task, done.result)

    def _fail(self, task: Task[Item], error: Exception) -> None:
        if isinstance(error, WorkerDied):
            error = WorkerDied(f"{task.name}: {error}")
        what, told = self._steps.pop(task.name)
        if told:
            self._advance(what, -told)
        self._failures.append(Failure(task, error))
        _log.debug("%s failed: %s", task.name, error)

    def _catch_up(self, name: str, done: Done) -> None:
        """Tell of the steps whose messages have not arrived."""
        _, told = self._steps.pop(name)
        if done.steps != told:
            self._advance(done.what, done.steps - told)
        if done.worker:
            _log.debug("%s finished %s.", done.worker, name)

    def _listen(self) -> None:
        while True:
            try:
                told = self._executor.told.get_nowait()
            except Empty:
                return
            self._hear(told)

    def _hear(self, told: Told) -> None:
        if told.kind == "log":
            _log.log(told.number, "%s: %s", told.worker, told.text)
        if told.task not in self._steps:  # of a task that is finished
            return
        what, steps = self._steps[told.task]
        if told.kind == "began":
            _log.debug("%s began %s.", told.worker, told.task)
            self._steps[told.task] = ("", 0)
            if steps:
                self._advance(what, -steps)
        elif told.kind == "steps":
            self._steps[told.task] = (told.text, steps + told.number)
            self._advance(told.text, told.number)

    def _rescue(self) -> None:
        """Keep the results that have arrived by the time of an error, which is raised whatever happens here."""
        self._ready += ((task, future) for future, task in self._running.items() if future.done())
        for task, future in self._ready:
            if not _has_failed(future):
                try:
                    self._keep(task, future.result().result)
                except Exception as error:
                    _log.debug("%s was not kept: %s", task.name, error)
                    return


def _has_failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None
