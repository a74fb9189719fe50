"""Processes of this machine that work on tasks. One that dies is replaced, and its task tried again.

The standard library's ``ProcessPoolExecutor`` gives up all its tasks when one process dies, and does not say which of
them that process worked on.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from zplus_plugins.errors import RequirementError
from zplus_plugins.execution.worker import Bench, Kit, Told, Unusable, install
from zplus_plugins.execution.workers import MOST_DEATHS, Result, WorkerDied, Workers

_log = logging.getLogger("zplus_plugins")
_spawning = multiprocessing.get_context("spawn")  # forked processes cannot use CUDA

NOT_STARTED = (
    "A worker process failed before it started; its error is above. A script that uses several workers must have its "
    'entry point under if __name__ == "__main__":; --workers 1 needs no other process.'
)


class _Died(Exception):
    """A process ended.

    Attributes:
        code: its exit code; negative for the number of a signal.
        ready: whether it was ready for tasks.
    """

    def __init__(self, code: int | None, ready: bool) -> None:
        super().__init__(code, ready)
        self.code, self.ready = code, ready

    def __str__(self) -> str:
        with suppress(ValueError):
            if self.code is not None and self.code < 0:
                return f"killed by {signal.Signals(-self.code).name}"
        return f"ended with status {self.code}"


class _Elsewhere(Exception):
    """The traceback of an error in another process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@dataclass(frozen=True)
class _Job:
    future: Future[Any]
    call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Processes(Workers):
    """Processes, each with a thread of this one that hands it one task at a time.

    Args:
        count: number of processes; each starts at its first task.
        kit: what each of them gets.
        gpus: names of GPUs; each process sees one of them, in turn.
    """

    elsewhere = True

    def __init__(self, count: int, kit: Kit, gpus: Sequence[str] = ()) -> None:
        super().__init__()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        resource_tracker.ensure_running()  # where it is started, it would unblock Ctrl-C
        surroundings = [{"CUDA_VISIBLE_DEVICES": gpus[i % len(gpus)]} if gpus else {} for i in range(count)]
        names = [
            f"worker {i + 1}" + (f" (GPU {own['CUDA_VISIBLE_DEVICES']})" if own else "")
            for i, own in enumerate(surroundings)
        ]
        self._lanes = [
            _Lane(name, own, kit, self.key, self.told.put) for name, own in zip(names, surroundings, strict=True)
        ]
        self._threads = [threading.Thread(target=self._serve, args=(lane,), daemon=True) for lane in self._lanes]
        for thread in self._threads:
            thread.start()

    @property
    def outstanding(self) -> int:
        return len(self._lanes)

    def submit(self, function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Run it in the next process that is free.

        Raises:
            RuntimeError: the executor is shut down.
        """
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[Result] = Future()
        self._jobs.put(_Job(future, (function, args, kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As for every executor: no new tasks; the running ones are finished."""
        self._closed = True
        if cancel_futures:
            self._cancel()
        for _ in self._threads:
            self._jobs.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def stop(self) -> None:
        self._closed = True
        for lane in self._lanes:
            lane.stop()
        self.shutdown(cancel_futures=True)

    def _cancel(self) -> None:
        while not self._jobs.empty():
            with suppress(Exception):  # a lane may have taken it
                if (job := self._jobs.get_nowait()) is not None:
                    job.future.cancel()
                    job.future.set_running_or_notify_cancel()

    def _serve(self, lane: _Lane) -> None:
        # Ctrl-C is for the commanding process alone; its processes inherit this from the thread that starts them.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while (job := self._jobs.get()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                result = lane.do(job.call)
            except BaseException as error:
                job.future.set_exception(error)
            else:
                job.future.set_result(result)
            del job  # its future may hold a large result
        lane.stop()


class _Lane:
    """One process after the other."""

    def __init__(
        self, name: str, surroundings: Mapping[str, str], kit: Kit, key: str, tell: Callable[[Told], None]
    ) -> None:
        self._name, self._surroundings, self._kit, self._key, self._tell = name, surroundings, kit, key, tell
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._stopped = False

    def do(self, call: Any) -> Any:
        deaths = 0
        while True:
            try:
                return self._living().do(call, self._tell)
            except _Died as death:
                if self._stopped:
                    raise
                if not death.ready and death.code == 1:
                    raise Unusable(RequirementError(NOT_STARTED)) from None
                deaths += 1
                _log.debug("%s was %s.", self._name, death)
                if deaths == MOST_DEATHS:
                    raise self._given_up(death) from None

    def _given_up(self, death: _Died) -> Exception:
        if not death.ready:
            return Unusable(
                RequirementError(
                    f"{MOST_DEATHS} worker processes ended before they had started, the last one {death}. Fewer "
                    "--workers need less memory."
                )
            )
        return WorkerDied(
            f"{MOST_DEATHS} worker processes ended at this one after the other, the last one {death}, possibly because "
            f"memory ran out. To use less memory, set OMP_NUM_THREADS={self._kit.threads} and --workers 1."
        )

    def _living(self) -> _Child:
        with self._lock:
            if self._stopped:
                raise _Died(None, False)
            if self._child is None or not self._child.lives:
                self._close()
                self._child = _Child(self._name, self._surroundings, self._kit, self._key)
            return self._child

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            self._close()

    def _close(self) -> None:
        if self._child is not None:
            self._child.kill()


class _Child:
    """A process that works on tasks."""

    def __init__(self, name: str, surroundings: Mapping[str, str], kit: Kit, key: str) -> None:
        self._pipe, theirs = _spawning.Pipe()
        self._process = _spawning.Process(target=_work, args=(theirs, name, dict(surroundings)), daemon=True)
        self._process.start()
        theirs.close()
        self._first: bytes | None = pickle.dumps((key, kit))
        self._ready = False

    @property
    def lives(self) -> bool:
        return self._process.is_alive()

    def do(self, call: Any, tell: Callable[[Told], None]) -> Any:
        content = pickle.dumps(call)
        try:
            outcome, *rest = self._exchanged(content, tell)
        except (EOFError, OSError):
            self._process.join()
            raise _Died(self._process.exitcode, self._ready) from None
        if outcome == "error":
            error, trace = rest
            raise error from _Elsewhere(trace)
        return rest[0]

    def _exchanged(self, content: bytes, tell: Callable[[Told], None]) -> Any:
        if self._first is not None:
            self._pipe.send_bytes(self._first)
            self._first = None
            self._pipe.recv()
            self._ready = True
        self._pipe.send_bytes(content)
        while True:
            message = pickle.loads(self._pipe.recv_bytes())
            if message[0] != "told":
                return message
            tell(Told(*message[1:]))

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


class _Parent:
    """In a process: the commanding one. A :class:`~zplus_plugins.execution.worker.Place`."""

    def __init__(self, pipe: Connection, name: str) -> None:
        self.name = name
        self._pipe, self._lock = pipe, threading.Lock()

    def send(self, *message: Any) -> None:
        content = pickle.dumps(message)  # fails before anything is sent
        with self._lock:
            self._pipe.send_bytes(content)

    def tell(self, told: Told) -> None:
        self.send("told", *told)

    def is_wanted(self) -> bool:
        return True  # this process is ended otherwise


def _work(pipe: Connection, name: str, surroundings: dict[str, str]) -> None:
    """The main function of a process, which ends when its parent does, however that ends."""
    os.environ.update(surroundings)  # before torch is imported
    threading.Thread(target=end_with_parent, daemon=True).start()
    with suppress(EOFError):
        key, kit = pickle.loads(pipe.recv_bytes())
        parent = _Parent(pipe, name)
        install(key, Bench(kit, parent))
        pipe.send("ready")
        while True:
            content = pipe.recv_bytes()
            try:
                function, args, kwargs = pickle.loads(content)
                parent.send("result", function(*args, **kwargs))
            except Exception as error:
                trace = traceback.format_exc()
                parent.send("error", sendable(error), trace)


def sendable(error: Exception) -> Exception:
    """An error that can be unpickled: those whose ``__init__`` takes something else than their message cannot."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def end_with_parent() -> None:
    """Wait for the commanding process to end, however it does, and end this one at once; for a thread of its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
