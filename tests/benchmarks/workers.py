"""Throughput of several dask workers on this machine over loopback, against one: inversions of drawn portraits.

    python tests/benchmarks/workers.py --workers 2 --pairs 3

Every worker has one thread. A cluster is started for each run, and warmed up; runs with one worker and with several
alternate. What counts is wall-clock time, so the machine must be idle and have a core for each worker, and one more for
the scheduler and the commanding process, if those are to cost nothing.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import click
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.cluster import cluster
from zplus_plugins.execution.executors import executor_for
from zplus_plugins.execution.tasks import Task, raise_for, run_tasks
from zplus_plugins.inversion import Settings, space_named
from zplus_plugins.inversion.batch_size import BatchSize
from zplus_plugins.inversion.batches import Batch, BatchWork, Inverted
from zplus_plugins.inversion.domain import open_domain
from zplus_plugins.inversion.picture_files import LoadedPictures
from zplus_plugins.portraits import draw, sample


def batches(count: int, images: int) -> list[Batch]:
    """Drawn portraits."""
    found = []
    for index in range(count):
        names = tuple(f"{index}-{i}" for i in range(images))
        pictures = LoadedPictures(tuple(map(Path, names)), ("",) * images, draw(sample(images, index)))
        found.append(Batch(names, pictures, frozenset(names), BatchSize(images, images)))
    return found


def results(work: BatchWork, wanted: list[Batch], on: str | None) -> tuple[float, dict[str, bytes]]:
    """The seconds from the first task to the last result, and the reconstructions; the workers have begun before."""
    found: dict[str, bytes] = {}

    def keep(task: Task[Batch], made: list[Inverted]) -> None:
        found.update({one.name: one.picture for one in made})

    with executor_for(work, on) as executor:
        warm = (Task(f"warm-up {i}", batch) for i, batch in enumerate(wanted[: executor.outstanding]))
        raise_for(run_tasks(executor, warm, keep, lambda what, steps: None))
        before = time.perf_counter()
        tasks = (Task(str(batch), batch) for batch in wanted)
        raise_for(run_tasks(executor, tasks, keep, lambda what, steps: None))
        return time.perf_counter() - before, found


@click.command()
@click.option("--workers", default=2, show_default=True)
@click.option("--tasks", default=8, show_default=True, help="Batches in a run; a multiple of the number of workers.")
@click.option("--images", default=8, show_default=True, help="Images in a batch.")
@click.option("--steps", default=60, show_default=True)
@click.option("--pairs", default=3, show_default=True, help="Runs with each number of workers.")
def main(workers: int, tasks: int, images: int, steps: int, pairs: int) -> None:
    """Print how many times as many images several workers invert as one does in the same time."""
    torch.set_num_threads(1)
    work = BatchWork(open_domain(), space_named("f/zplus"), Settings(steps=steps))
    wanted, ratios = batches(tasks, images), []
    _, alone = results(work, wanted, None)
    for _ in range(pairs):
        times = []
        for count in (1, workers):
            with tempfile.TemporaryDirectory() as folder, cluster(Path(folder), count) as ours:
                seconds, found = results(work, wanted, ours.address)
            assert found == alone, "results differ"
            times.append(seconds)
        slow, fast = times
        ratios.append(slow / fast)
        click.echo(f"one worker {slow:.1f} s, {workers} workers {fast:.1f} s: {ratios[-1]:.2f} times")
    click.echo(f"median {statistics.median(ratios):.2f} of {workers}; results are equal bit for bit")


if __name__ == "__main__":
    main()
