"""``zplus invert``: invert image files into a space, and write a record of each as it is done."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from zplus_plugins.errors import RequirementError, UsageError, ZPlusError
from zplus_plugins.execution.executors import executor_for
from zplus_plugins.execution.shards import Shard
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import Model, Settings, Space
from zplus_plugins.inversion.batch_size import BatchSize, pieces
from zplus_plugins.inversion.batches import Batch, BatchWork, Inverted, Watch
from zplus_plugins.inversion.distribution import done_by
from zplus_plugins.inversion.domain import Domain
from zplus_plugins.inversion.images import picture_files
from zplus_plugins.inversion.picture_files import PictureFiles
from zplus_plugins.inversion.step.graph import Choice
from zplus_plugins.inversion.step.precision import Gate
from zplus_plugins.metrics.perceptual import LOSS_RESOLUTION
from zplus_plugins.system.results import Results, result_name

_log = logging.getLogger("zplus_plugins")


def named_files(paths: Sequence[Path]) -> dict[str, Path]:
    """Images by the names of their results; in folders, results of earlier commands are left out.

    Raises:
        RequirementError: there are none.
        UsageError: two have the same name, ignoring case, as some file systems do.
    """
    files: dict[str, Path] = {}
    seen: dict[str, Path] = {}
    for path in picture_files(paths):
        other = seen.setdefault(unicodedata.normalize("NFC", path.stem).casefold(), path)
        if other is not path:
            raise UsageError(f"The results of {other} and {path} would have the same name. Rename one of them.")
        files[path.stem] = path
    return files


@dataclass(frozen=True)
class Order:
    """A requested inversion of images.

    Attributes:
        files: image files by the names of their results.
        pictures: the same files, checked.
        space, settings: of the inversion.
        generator: the hash of its weights.
        likeness: the name of the perceptual distance.
        batch: how many images are to be inverted together; None for any number.
        reduced_to: the resolution to which it reduces the images, if they have a higher one.
    """

    files: dict[str, Path]
    pictures: PictureFiles
    space: Space
    settings: Settings
    generator: str
    likeness: str
    batch: int | None = None
    reduced_to: int | None = None

    @classmethod
    def of(
        cls,
        files: dict[str, Path],
        pictures: PictureFiles,
        space: Space,
        settings: Settings,
        model: Model,
        likeness: str,
        batch: int | None = None,
    ) -> Order:
        """An order for the usable ones of these files."""
        usable = set(pictures.files)
        fit = {name: path for name, path in files.items() if path in usable}
        generator = weights_hash(model.generator)
        reduced = likeness == "lpips" and model.generator.architecture.resolution > LOSS_RESOLUTION
        to = LOSS_RESOLUTION if reduced else None
        return cls(fit, pictures.only(fit.values()), space, settings, generator, likeness, batch, to)

    def settings_of(self, name: str, size: BatchSize) -> dict[str, str]:
        """Everything on which an image's results depend, when it is inverted in batches of this size."""
        return {
            "picture": self._hashes[name][:16],
            "generator": self.generator[:16],
            "space": self.space.name,
            "likeness": self.likeness,
            **({f"alignment, {key}": value for key, value in (self.pictures.cut or {}).items()}),
            **({} if self.reduced_to is None else {"likeness's resolution": str(self.reduced_to)}),
            **{f"setting {key}": str(value) for key, value in self.settings.stated().items()},
            **size.stated(),
        }

    @cached_property
    def _hashes(self) -> dict[str, str]:
        return dict(zip(self.files, self.pictures.hashes, strict=True))

    def finished(self, results: Results) -> dict[str, BatchSize]:
        """The images whose results already exist, and the size of the batches in which they were inverted.

        Raises:
            UsageError: a result would overwrite a file that is not ours, or that was made with other settings.
        """
        found, asked = {}, BatchSize.asked(self.batch)
        for name in self.files:
            made = size_of(results, name)
            size = made if made is not None and made.agrees_with(self.batch) else asked
            if results.finished(_result_names(name), self.settings_of(name, size)):
                found[name] = size
        return found


def share_of(files: dict[str, Path], shard: Shard, size: BatchSize) -> dict[str, Path]:
    """The images of a shard: every N-th batch, so that all shards together do what one process would do alone."""
    return {name: files[name] for piece in shard.of(pieces(list(files), size.piece)) for name in piece}


def begun_size(results: Results, names: Iterable[str], batch: int | None) -> BatchSize | None:
    """The smallest size in which some of these images were inverted before; None if none were.

    Args:
        results: the folder.
        names: of the images.
        batch: the size that was asked for, with which others do not agree; None for any.
    """
    sizes = [size for name in names if (size := size_of(results, name)) is not None and size.agrees_with(batch)]
    return min(sizes, key=lambda size: size.images, default=None)


def left_over(order: Order, size: BatchSize, finished: Collection[str]) -> int:
    """The number of images in batches of which something is missing."""
    return sum(len(batch.names) for batch in _batches(order, lambda: size, frozenset(finished)))


def size_of(results: Results, name: str) -> BatchSize | None:
    """The size of the batch in which an image's results were made; None if there are none."""
    made = [settings for file in _result_names(name) if (settings := results.made_with(file)) is not None]
    return BatchSize.of(made[0]) if made else None


def invert_files(
    order: Order,
    domain: Domain,
    results: Results,
    size: BatchSize,
    *,
    finished: Collection[str] = (),
    advance: Callable[[str, int], None] = lambda what, steps: None,
    workers: int = 1,
    gpus: Sequence[str] = (),
    on: str | None = None,
    graph: Choice = "off",
    watch: Watch | None = None,
) -> None:
    """Invert images in batches; ``NAME.zplus.npz`` and ``NAME.zplus.png`` of an image are written together.

    The last digits of a result depend on the other images in its batch. If a batch was interrupted, all of it is
    computed again, but existing results are kept: the results are those of an uninterrupted run, bit for bit. Memory
    does not grow with the number of images: those of a batch are read when it begins.

    Args:
        order: files, space and settings.
        domain: of the generator.
        results: the folder to write to.
        size: of the batches.
        finished: names of the images whose results already exist, which are kept.
        advance: called after each step with a text for the bar, and the number of images in the batch as the number of
            steps.
        workers, gpus, on: as for :func:`~zplus_plugins.execution.executors.executor_for`. The results do not depend on
            them.
        graph: as for :func:`~zplus_plugins.inversion.invert`.
        watch: called after each step, if it is done in this process.

    Raises:
        RequirementError: the results cannot be written, memory is short, or the workers are gone; or, after all others
            were inverted, some images could not be; the message names them.
    """
    now, diverged, gate = size, list[ZPlusError](), Gate()

    def keep(batch: Batch, made: list[Inverted]) -> None:
        nonlocal now
        for one in made:
            if one.size.images < now.images:
                now = one.size
                _log.warning("%d images at a time did not fit into memory: going on with %d.", size.images, now.images)
            if one.error is not None:
                diverged.append(one.error)
                continue
            if one.losses is not None:
                gate.add([one.name], *([loss] for loss in one.losses))
            with results.writing(order.settings_of(one.name, one.size)) as folder:
                (folder / record_name(one.name)).write_bytes(one.record)
                (folder / reconstruction_name(one.name)).write_bytes(one.picture)

    work = BatchWork(domain, order.space, order.settings, graph, watch)
    batches = _batches(order, lambda: now, frozenset(finished))
    with executor_for(work, on, workers, torch.get_num_threads(), gpus) as executor:
        failures = [*done_by(executor, batches, keep, advance, send=on is not None), *diverged]
    gate.close()
    if failures:
        raise RequirementError("\n".join(map(str, failures)))


def _batches(order: Order, size: Callable[[], BatchSize], finished: frozenset[str]) -> Iterator[Batch]:
    """The batches of which something is missing, each of the size that is right when it is asked for."""
    names, first = list(order.files), 0
    while first < len(names):
        now = size()
        part = slice(first, first + now.images)  # within one piece, of which the size is a divisor
        wanted = frozenset(names[part]) - finished
        if wanted:
            yield Batch(tuple(names[part]), order.pictures.part(part), wanted, now)
        first = part.stop


def record_name(name: str) -> str:
    """The file name of an inverted image's record."""
    return result_name(name, ".npz")


def reconstruction_name(name: str) -> str:
    """The file name of the reconstruction."""
    return result_name(name, ".png")


def _result_names(name: str) -> list[str]:
    return [record_name(name), reconstruction_name(name)]
