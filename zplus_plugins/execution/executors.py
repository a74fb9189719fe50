"""Where tasks run: in this process, in processes of this machine, or on a cluster; one kind of executor for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from zplus_plugins.errors import RequirementError
from zplus_plugins.execution.worker import Kit, Work
from zplus_plugins.execution.workers import InThisProcess, Workers
from zplus_plugins.system.console import volume


@contextmanager
def executor_for(
    work: Work, on: str | None = None, workers: int = 1, threads: int = 1, gpus: Sequence[str] = ()
) -> Iterator[Workers]:
    """An executor for the tasks of one work; at the end, its workers are stopped.

    Args:
        work: what to do with each item.
        on: address of a dask scheduler, or path of its file; None for this machine.
        workers: number of processes on this machine. With 1, the tasks are done in this process.
        threads: number of torch's threads in each worker.
        gpus: names of the GPUs for CUDA_VISIBLE_DEVICES; each process gets one of them, in turn.

    Raises:
        UsageError: the address is none.
        RequirementError: the cluster cannot be reached, is not usable, or the extra for it is not installed.
    """
    executor = _opened(work, on, workers, threads, gpus)
    try:
        yield executor
    finally:
        executor.stop()


def _opened(work: Work, on: str | None, workers: int, threads: int, gpus: Sequence[str]) -> Workers:
    if on is not None:
        try:
            from zplus_plugins.execution.cluster import Cluster
        except ImportError as error:
            raise RequirementError(
                f"--on {on} needs dask.distributed, which cannot be imported ({error}). Install it with: pip install "
                "'zplus-plugins[cluster]'"
            ) from None
        return Cluster(on, Kit.of(work, threads, volume()))
    if workers == 1:
        return InThisProcess(work, threads)
    from zplus_plugins.execution.processes import Processes

    return Processes(workers, Kit.of(work, threads, volume()), gpus)
