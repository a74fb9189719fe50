"""Work at a comparison's parts, in this process or in several.

A part depends on its plan and on the number of threads, which is the same in every process. A small generator's is
always one, so that its numbers do not depend on how many processes there are; those of a large one share the cores.
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
_MOST = 8  # processes, unless more are asked for: each takes half a gigabyte
_make: Callable[[str], Arrays]  # in a worker: makes a part, by its task's name


def workers_for(generator: Generator, wanted: int | None = None) -> tuple[int, int]:
    """Processes to share a comparison's work among, and the threads of each.

    Args:
        generator: where it is computed with. A small one's work on the CPU is shared among as many processes of one
            thread as torch would take threads; of a large one, whose threads are of use, one process is at work.
        wanted: processes that were asked for.

    Raises:
        UsageError: several were asked for, and there is one GPU.
    """
    threads = threads_for(generator)
    if generator.const.device.type != "cpu":
        if wanted not in (None, 1):
            raise UsageError(f"--workers {wanted} is for the CPU, and this generator is on a GPU. Leave it out.")
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
        tasks: to do.
        keep: called with each that is done, and what it made.
        advance: called with what is worked at and by how many steps it went on.
        workers: processes among which they are shared; one is this.

    Raises:
        LatentError: as for :func:`~zplus_plugins.compare.work.part.made`; what is done by then is kept.
        RequirementError: a process was ended from outside, or could not begin.
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
            pool.shutdown()  # how each has ended is known then
            raise RequirementError(_ended(begun)) from None
        finally:
            stop.set()
            for future in waiting:
                future.cancel()
            while not all(future.done() for future in waiting):  # who cannot tell of a step never learns of the end
                while not steps.empty():
                    steps.get()
                time.sleep(_LISTEN)


def _ended(processes: Sequence[BaseProcess]) -> str:
    if any(process.exitcode == 1 for process in processes):
        return (
            "A process that should work at the comparison failed before it began; its error is above. A script that "
            'asks for several must do its work under if __name__ == "__main__":, and --workers 1 needs no other one.'
        )
    return (
        "One of the processes that work at the comparison was ended from outside, as is done where memory runs out. "
        "What is finished is kept: the same command goes on there, with less memory if OMP_NUM_THREADS="
        f"{torch.get_num_threads()} and --workers 1 are given."
    )


def _has_failed(future: Future[Arrays]) -> bool:
    return future.exception() is not None


class _Stopped(Exception):
    """In a worker: nobody waits for this part any more."""


def _begin(content: bytes, threads: int, steps: Any, stop: Any) -> None:
    """Make this process a worker, which ends with its parent, however that ends.

    An error is kept for the first part that is asked for: here, it would only end the process.
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
    """Processes that begin here do not see the terminal's Ctrl-C: this one stops them. It waits for that itself, unless
    another of its threads takes the signal."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
