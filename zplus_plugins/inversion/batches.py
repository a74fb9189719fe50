"""Invert one batch of images, in any process; what was found comes back as the content of files."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zplus_plugins._version import __version__
from zplus_plugins.errors import RecordError, RequirementError
from zplus_plugins.execution.memory import is_out_of_memory
from zplus_plugins.execution.progress import LossText
from zplus_plugins.inversion import Settings, Space, invert
from zplus_plugins.inversion.batch_size import BatchSize
from zplus_plugins.inversion.domain import Domain
from zplus_plugins.inversion.inverter import OnStep, Step
from zplus_plugins.inversion.picture_files import LoadedPictures, PictureFiles, stated
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.inversion.step.graph import Choice
from zplus_plugins.portraits.networks.files import sheet

REDUCED_LOSS = "loss_bf16"
Advance = Callable[[str, int], object]
"""Called with a description of what is being done, and a number of steps of one image; negative for steps in vain."""
Watch = Callable[[tuple[str, ...], Step], object]
"""Called after each step with the names of the images."""


class NoRoomError(RequirementError):
    """Not even one image fits into memory."""


@dataclass(frozen=True)
class Batch:
    """Images that are to be inverted together.

    Attributes:
        names: of the results.
        pictures: the images.
        wanted: names of the results that do not exist yet.
        size: of this batch, unless it is the last one; if that does not fit, it is inverted in parts.
    """

    names: tuple[str, ...]
    pictures: PictureFiles | LoadedPictures
    wanted: frozenset[str]
    size: BatchSize

    def __str__(self) -> str:
        return self.names[0] if len(self.names) == 1 else f"{self.names[0]} to {self.names[-1]}"


@dataclass(frozen=True)
class Inverted:
    """The result of one image.

    Attributes:
        name: of the result.
        size: of the batches when it was inverted.
        record, picture: the content of the record and of the reconstruction's PNG file.
        losses: of the codes found in a lower precision than float32, in float32 and in that precision.
        error: why there are none.
    """

    name: str
    size: BatchSize
    record: bytes = b""
    picture: bytes = b""
    losses: tuple[float, float] | None = None
    error: RecordError | None = None


class BatchWork:
    """Inverts batches; it can be pickled.

    Args:
        domain: of the generator.
        space, settings: of the inversion.
        graph: as for :func:`~zplus_plugins.inversion.invert`.
        watch: called after each step; None for work that can be pickled.
    """

    def __init__(
        self,
        domain: Domain,
        space: Space,
        settings: Settings,
        graph: Choice = "off",
        watch: Watch | None = None,
    ) -> None:
        self._domain, self._space, self._settings, self._graph, self._watch = domain, space, settings, graph, watch
        self._fits: int | None = None  # as many images, after more did not

    def __call__(self, batch: Batch, advance: Advance) -> list[Inverted]:
        """Invert the images of a batch that are wanted, together with the others of the batch.

        If memory runs out, this batch and all later ones are inverted in smaller parts.

        Raises:
            RequirementError: a file has changed since it was checked; or one image does not fit into memory.
        """
        first, size, found = 0, batch.size, list[Inverted]()
        while self._fits is not None and size.images > self._fits:
            size = size.halved()
        while first < len(batch.names):
            part = slice(first, first + size.images)
            made = self._made(batch, part, size, advance)
            if made is not None:
                first, found = part.stop, found + made
            elif size.images == 1:
                raise NoRoomError(
                    f"One image does not fit into the memory of {self._device}. Free some, or use --likeness none, "
                    "another --device or a smaller generator."
                )
            else:
                size = size.halved()
                self._fits = size.images
        return found

    @property
    def _device(self) -> torch.device:
        return self._domain.model.generator.w_mean.device

    def _made(self, batch: Batch, part: slice, size: BatchSize, advance: Advance) -> list[Inverted] | None:
        """The results of a part; None if memory ran out."""
        names, steps, text = batch.names[part], 0, LossText(self._space.title)

        def on_step(step: Step) -> None:
            nonlocal steps
            steps += len(names)
            advance(text(step.losses), len(names))
            if self._watch is not None:
                self._watch(names, step)

        if batch.wanted.isdisjoint(names):
            advance(self._space.title, len(names) * self._settings.steps)
            return []
        targets = batch.pictures[part]
        try:
            return self._inverted(batch, part, size, targets.to(self._device), on_step)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        # Not in the handler, where the error still holds everything that fills the memory.
        advance(self._space.title, -steps)
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _inverted(self, batch: Batch, part: slice, size: BatchSize, targets: Tensor, on_step: OnStep) -> list[Inverted]:
        domain, model = self._domain, self._domain.model
        f = domain.encoder(targets) if self._space.with_f and domain.encoder is not None else None
        settings, likeness = self._settings, domain.likeness
        found = invert(
            model, self._space, targets, settings, likeness=likeness, f=f, on_step=on_step, graph=self._graph
        )
        with torch.no_grad():
            pictures = model.pictures(found.point)
        made = []
        originals = batch.pictures
        files = zip(
            batch.names[part], originals.files[part], originals.hashes[part], originals.alignments[part], strict=True
        )
        for index, (name, file, sha256, alignment) in enumerate(files):
            if name not in batch.wanted:
                continue
            how = about(settings, targets[index], pictures[index], float(found.losses[index]))
            losses = None
            if found.reduced_losses is not None:
                losses = (float(found.losses[index]), float(found.reduced_losses[index]))
                how[REDUCED_LOSS] = losses[1]
            try:
                record = PointRecord.of(
                    model, found.point[index : index + 1], stated(file, sha256, alignment) | how
                ).as_bytes()
            except RecordError as error:
                made.append(Inverted(name, size, error=RecordError(f"{file}: {error}")))
            else:
                made.append(Inverted(name, size, record, _png(pictures[index : index + 1]), losses))
        return made


def about(settings: Settings, target: Tensor, picture: Tensor, loss: float) -> dict[str, object]:
    """How codes were found, for their record; ``target`` and the reconstruction ``picture`` are (3, R, R)."""
    return {
        "settings": settings.stated(),
        "loss": loss,
        "mse": float((picture - target).square().mean()),
        "zplus_plugins": __version__,
        "torch": torch.__version__,
    }


def _png(picture: Tensor) -> bytes:
    buffer = io.BytesIO()
    sheet(picture, 1).save(buffer, "PNG")
    return buffer.getvalue()
