"""Workers of a cluster, by dask.distributed (the extra ``cluster``); imported only for ``--on``."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from distributed import Client, KilledWorker, Worker, WorkerPlugin
from distributed.worker import thread_state

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.execution.worker import Bench, Kit, Told, Unusable, install, remove
from zplus_plugins.execution.workers import MOST_DEATHS, Result, WorkerDied, Workers
from zplus_plugins.system.malloc import undo_early_trimming

_log = logging.getLogger("zplus_plugins")
_WAIT = 10  # seconds for the scheduler to answer
_PATIENCE = 60  # seconds for the first worker, which may be started together with the command
_ALL = "all"  # dask's topic of workers that come and go
_DIED = (
    f"{MOST_DEATHS} workers of the cluster died at this one after the other, possibly because memory ran out; their "
    "logs say more."
)


class _Job:
    """A submitted call, which one worker at a time works on."""

    def __init__(self, future: Future[Any], begin: Callable[..., Future[Any]]) -> None:
        self.future, self.begin = future, begin
        self.inner: Future[Any] | None = None  # dask's, of the current attempt
        self.attempts = self.deaths = 0


class Cluster(Workers):
    """The workers of a dask scheduler, each with one task at a time, so that it is clear at which task one died. Its
    task is then tried again by another worker. Workers may join at any time.

    Args:
        address: of the scheduler, such as ``tcp://host:8786``, or path of its scheduler file.
        kit: what each worker gets.

    Raises:
        UsageError: the address is none.
        RequirementError: the scheduler does not answer, or has no workers, or workers that cannot be used.
    """

    elsewhere = True

    def __init__(self, address: str, kit: Kit) -> None:
        super().__init__()
        self._address = address
        self._lock = threading.RLock()
        self._workers: set[str] = set()
        self._busy: dict[str, _Job] = {}
        self._waiting: deque[_Job] = deque()
        self._jobs: set[_Job] = set()
        with ExitStack() as opened:
            opened.enter_context(_silent())
            self._client = _connected(address)
            opened.callback(self._client.close, timeout=_WAIT)
            self._client.subscribe_topic(self.key, self._hear)
            self._client.subscribe_topic(_ALL, self._watch)
            self._workers |= _usable_workers(self._client, address)
            self._executor = self._client.get_executor(pure=False)
            self._equip(kit)
            opened.callback(self._take_back)
            self._open = opened.pop_all()

    def _equip(self, kit: Kit) -> None:
        try:
            self._client.register_plugin(_Equipment(self.key, kit), name=self.key)
        except ModuleNotFoundError as error:
            raise RequirementError(
                f"The workers of {self._address} cannot be used: {error}. Install zplus-plugins there, in the same "
                "version as here."
            ) from None

    def _take_back(self) -> None:
        if self._client.status == "running":
            with suppress(Exception):  # the connection may be lost at any time
                self._client.unregister_worker_plugin(self.key)

    @property
    def outstanding(self) -> int:
        return max(1, len(self._workers))

    def submit(self, function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Run it on the next worker of the cluster that is free."""
        future: Future[Result] = Future()
        job = _Job(future, partial(self._executor.submit, function, *args, **kwargs))
        future.add_done_callback(lambda future: self._forget(job))
        with self._lock:
            self._jobs.add(job)
            self._waiting.append(job)
        self._assign()
        return future

    def _assign(self) -> None:
        """Give waiting tasks to idle workers."""
        with self._lock:
            for worker in sorted(self._workers - self._busy.keys())[: len(self._waiting)]:
                job = self._busy[worker] = self._waiting.popleft()
                job.attempts += 1
                key = f"zplus-{self.key}-{id(job)}-{job.attempts}"
                job.inner = job.begin(key=key, workers=[worker], allow_other_workers=False)
                job.inner.add_done_callback(partial(self._arrive, job, worker))

    def _arrive(self, job: _Job, worker: str, inner: Future[Any]) -> None:
        with self._lock:
            if self._busy.get(worker) is not job or job.inner is not inner:
                return  # of an earlier attempt
            if not inner.cancelled() and isinstance(inner.exception(), KilledWorker):
                return  # the death of the worker is noticed by itself
            del self._busy[worker]
        with suppress(InvalidStateError):  # cancelled
            _pass_on(inner, job.future, self._address)
        self._assign()

    def _forget(self, job: _Job) -> None:
        """Take back a task that is cancelled or given up; nothing is left to do for one that is done."""
        with self._lock:
            self._jobs.discard(job)
            if job in self._waiting:
                self._waiting.remove(job)
            self._busy = {worker: other for worker, other in self._busy.items() if other is not job}
            inner = job.inner
        if inner is not None:
            inner.cancel()

    def _hear(self, event: tuple[float, Any]) -> None:
        """Receive a message of a worker; in dask's thread."""
        self.told.put(Told(*event[1]))

    def _watch(self, event: tuple[float, Any]) -> None:
        """Notice workers that come and go; in dask's thread."""
        action, worker = event[1].get("action"), event[1].get("worker")
        if action == "add-worker":
            with self._lock:
                self._workers.add(worker)
            self._assign()
        elif action == "remove-worker":
            with self._lock:
                self._workers.discard(worker)
                job = self._busy.pop(worker, None)
            if job is not None:
                _aside(self._retry, job, died=not event[1].get("expected"))
            if not self._workers:
                _log.warning("The cluster has no workers any more; waiting for some.")

    def _retry(self, job: _Job, died: bool) -> None:
        if job.inner is not None:
            job.inner.cancel()  # it would wait for the same worker
        job.deaths += died
        if job.deaths == MOST_DEATHS:
            with suppress(InvalidStateError):
                job.future.set_exception(WorkerDied(_DIED))
        elif not job.future.done():
            with self._lock:
                self._waiting.appendleft(job)
            self._assign()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As for every executor: no new tasks; the running ones are finished."""
        if cancel_futures:
            self._cancel()
        if wait:
            concurrent.futures.wait([job.future for job in list(self._jobs)])
        self._executor.shutdown(wait)

    def stop(self) -> None:
        self._cancel()
        self._open.close()

    def _cancel(self) -> None:
        for job in list(self._jobs):
            with suppress(Exception):  # the connection may be lost at any time
                job.future.cancel()


def _aside(function: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """Call a function outside dask's thread, where dask's own functions return before they have done anything."""
    threading.Thread(target=function, args=args, kwargs=kwargs, daemon=True).start()


def _pass_on(inner: Future[Result], future: Future[Result], address: str) -> None:
    if inner.cancelled():
        future.set_exception(
            Unusable(
                RequirementError(
                    f"The connection to the scheduler {address} was lost: it ended, or the network failed. What was "
                    "finished is kept: run the same command again to continue."
                )
            )
        )
    elif (error := inner.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(inner.result())


def _connected(address: str) -> Client:
    try:
        given = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
        return Client(**given, timeout=_WAIT, set_as_default=False)
    except OSError as error:
        raise RequirementError(
            f"--on {address}: no scheduler answers ({error}). Start one with dask scheduler, and workers with dask "
            "worker ADDRESS --nthreads 1."
        ) from None
    except ValueError as error:
        raise UsageError(
            f"--on {address}: {error}. Expected the address of a dask scheduler, such as tcp://host:8786, or the path "
            "of its scheduler file."
        ) from None


def _usable_workers(client: Client, address: str) -> set[str]:
    """The addresses of the workers.

    Raises:
        RequirementError: there are none, or one of them does several tasks at a time.
    """
    if not client.nthreads():
        _log.info("The scheduler %s has no workers yet; waiting for one.", address)
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise RequirementError(
                f"--on {address}: the scheduler has no workers. Start one or more with dask worker {address} "
                "--nthreads 1."
            ) from None
    threads = client.nthreads()
    for worker, count in threads.items():
        if count != 1:
            raise RequirementError(
                f"--on {address}: the worker {worker} does {count} tasks at a time in one process; expected 1, because "
                "torch's random numbers belong to the process. Start it with --nthreads 1 (and --nworkers N for N "
                "processes)."
            )
    return set(threads)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep dask's own log messages from the terminal: what is wrong is said once, by an error."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [(logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers[:], logger.propagate = [logging.NullHandler()], False
    try:
        yield
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:], logger.propagate = handlers, propagate


class _Equipment(WorkerPlugin):  # type: ignore[misc]
    """Brings the work to each worker once, also to those that join later."""

    def __init__(self, key: str, kit: Kit) -> None:
        self._key, self._kit = key, kit

    def setup(self, worker: Worker) -> None:
        undo_early_trimming()
        install(self._key, Bench(self._kit, _Seat(worker, self._key)))

    def teardown(self, worker: Worker) -> None:
        remove(self._key)


class _Seat:
    """In a worker of the cluster: a :class:`~zplus_plugins.execution.worker.Place`."""

    def __init__(self, worker: Worker, topic: str) -> None:
        self._worker, self._topic = worker, topic
        self.name = str(worker.name)

    def tell(self, told: Told) -> None:
        self._worker.log_event(self._topic, list(told))

    def is_wanted(self) -> bool:
        """Not after Ctrl-C in the commanding process, or after its death: the scheduler takes the task back."""
        state = self._worker.state.tasks.get(thread_state.key)
        return state is not None and state.state != "cancelled"
