"""Compute the parts of a comparison, in this process or in several.

A part depends on its plan and on the number of threads, which is the same in every process. For a small generator it is
always one, so that results do not depend on the number of processes; for a large generator, the processes share the
cores.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from zplus_plugins.compare.work.part import Advance, made
from zplus_plugins.compare.work.parts import Arrays
from zplus_plugins.compare.work.plan import Instruments, Plan, Task
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.generators import Generator
from zplus_plugins.inversion import Model
from zplus_plugins.system.threads import threads_for

Keep = Callable[[Task, Arrays], None]
_LISTEN = 0.1  # seconds
_MOST = 8  # processes by default: each takes half a gigabyte
_make: Callable[[str], Arrays]  # in a worker: computes the part of the task with this name


def workers_for(generator: Generator, wanted: int | None = None) -> tuple[int, int]:
    """The number of processes for a comparison, and the number of threads of each.

    Args:
        generator: on its device. For a small generator on the CPU, there are as many processes, with one thread each,
            as torch would use threads. For a large one, which benefits from threads, there is one process.
        wanted: the requested number of processes.

    Raises:
        UsageError: several processes were requested for a GPU.
    """
    threads = threads_for(generator)
    if generator.const.device.type != "cpu":
        if wanted not in (None, 1):
            raise UsageError(f"--workers {wanted} applies to the CPU, but this generator is on a GPU. Leave it out.")
        return 1, threads
    workers = wanted or (min(torch.get_num_threads(), _MOST) if threads == 1 else 1)
    return workers, max(1, threads // workers)


def work(
    plan: Plan,
    model: Model,
    instruments: Instruments,
    tasks: Sequence[Task],
    keep: Keep,
    advance: Advance,
    workers: int = 1,
) -> None:
    """Do tasks of a plan.

    Args:
        plan, model, instruments: as for :func:`~zplus_plugins.compare.work.part.made`.
        tasks: the tasks to do.
        keep: called with each finished task and its arrays.
        advance: called with a description of a task and the number of steps just done.
        workers: number of processes; with 1, the tasks are done in this process.

    Raises:
        LatentError: as for :func:`~zplus_plugins.compare.work.part.made`; tasks finished by then are kept.
        RequirementError: a process was killed, or could not start.
    """
    if min(workers, len(tasks)) <= 1:
        for task in tasks:
            keep(task, made(plan, task, model, instruments, advance))
        return
    context = multiprocessing.get_context("spawn")
    steps, stop = context.SimpleQueue(), context.Event()
    begin = (pickle.dumps((plan, model, instruments)), torch.get_num_threads(), steps, stop)
    waiting: dict[Future[Arrays], Task] = {}
    with ProcessPoolExecutor(min(workers, len(tasks)), context, _begin, begin) as pool:
        try:
            with _undisturbed():
                waiting |= {pool.submit(_do, task.name): task for task in tasks}
            begun = multiprocessing.active_children()
            while waiting:
                done, _ = wait(waiting, _LISTEN, FIRST_COMPLETED)
                while not steps.empty():
                    advance(*steps.get())
                for future in sorted(done, key=_has_failed):
                    keep(waiting.pop(future), future.result())
        except BrokenProcessPool:
            pool.shutdown()  # afterwards, the exit code of each is known
            raise RequirementError(_ended(begun)) from None
        finally:
            stop.set()
            for future in waiting:
                future.cancel()
            while not all(future.done() for future in waiting):  # workers blocked on a full queue cannot stop
                while not steps.empty():
                    steps.get()
                time.sleep(_LISTEN)


def _ended(processes: Sequence[BaseProcess]) -> str:
    if any(process.exitcode == 1 for process in processes):
        return (
            "A worker process of the comparison failed before it started; its error is above. A script that uses "
            'several workers must have its entry point under if __name__ == "__main__":; --workers 1 needs no other '
            "process."
        )
    return (
        "A worker process of the comparison was killed, possibly because memory ran out. Finished parts are kept: run "
        "the same command again to continue; it uses less memory with OMP_NUM_THREADS="
        f"{torch.get_num_threads()} and --workers 1."
    )


def _has_failed(future: Future[Arrays]) -> bool:
    return future.exception() is not None


class _Stopped(Exception):
    """In a worker: this part is no longer needed."""


def _begin(content: bytes, threads: int, steps: Any, stop: Any) -> None:
    """Initialise this process as a worker, which ends when its parent does, however that ends.

    An error is raised when the first part is requested, because here it would only end the process.
    """
    global _make
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(threads)
    try:
        plan, model, instruments = pickle.loads(content)
    except Exception as error:
        _make = partial(_fail, error)
        return
    tasks = {task.name: task for task in plan.tasks()}

    def advance(what: str, by: int) -> None:
        if stop.is_set():
            raise _Stopped
        steps.put((what, by))

    def make(name: str) -> Arrays:
        return made(plan, tasks[name], model, instruments, advance)

    _make = make


def _fail(error: Exception, name: str) -> Arrays:
    raise error


def _do(name: str) -> Arrays:
    return _make(name)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Block Ctrl-C in processes started here, because this process stops them. In this process, the signal is pending
    until the end of the block, unless another thread receives it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
