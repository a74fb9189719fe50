"""Give batches of images to workers. Those at which workers die are tried again in parts, down to single images."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from zplus_plugins.errors import RequirementError, ZPlusError
from zplus_plugins.execution.tasks import Failure, Task, run_tasks
from zplus_plugins.execution.workers import WorkerDied, Workers
from zplus_plugins.inversion.batches import Batch, Inverted, NoRoomError
from zplus_plugins.inversion.picture_files import PictureFiles

_log = logging.getLogger("zplus_plugins")

Keep = Callable[[Batch, list[Inverted]], None]


def done_by(
    executor: Workers, batches: Iterable[Batch], keep: Keep, advance: Callable[[str, int], None], send: bool = False
) -> list[ZPlusError]:
    """Have batches inverted, and return what failed.

    Args:
        executor: with the work.
        batches: made as they are needed.
        keep: called with each batch and its results.
        advance: called after some steps.
        send: whether to send the images, because the workers may not have their files.

    Raises:
        NoRoomError: not even one image fits into memory.
        RequirementError: the workers are gone.
        Exception: an unexpected error of a batch, after all others were inverted.
    """
    failures: list[ZPlusError] = []
    while True:
        tasks = (Task(str(batch), _sent(batch) if send else batch) for batch in batches)
        found = run_tasks(executor, tasks, lambda task, made: keep(task.item, made), advance, (NoRoomError,))
        failures += [_expected(failure) for failure in found if not _can_be_halved(failure)]
        batches = [part for failure in found if _can_be_halved(failure) for part in _halves(failure.task.item)]
        if not batches:
            return failures
        _log.warning("Workers died at some batches of images: trying these again in smaller ones.")


def _sent(batch: Batch) -> Batch:
    """A batch with its images; files that cannot be read here are left to fail there, as one batch of many."""
    with suppress(RequirementError):
        if isinstance(batch.pictures, PictureFiles):
            return replace(batch, pictures=batch.pictures.loaded())
    return batch


def _can_be_halved(failure: Failure[Batch]) -> bool:
    batch = failure.task.item
    return isinstance(failure.error, WorkerDied) and batch.size.images > 1 and len(batch.names) > 1


def _halves(batch: Batch) -> Iterator[Batch]:
    """The parts of a batch of half the size in which something is wanted, as if it had not fit into memory."""
    size = batch.size.halved()
    for first in range(0, len(batch.names), size.images):
        part = slice(first, first + size.images)
        names = batch.names[part]
        if not batch.wanted.isdisjoint(names):
            yield Batch(names, batch.pictures.part(part), batch.wanted.intersection(names), size)


def _expected(failure: Failure[Batch]) -> ZPlusError:
    if not isinstance(failure.error, ZPlusError):
        raise failure.error
    return failure.error
