"""What the process of :class:`~zplus_plugins.studio.inverting.jobs.Jobs` does, which may be killed at any time."""

from __future__ import annotations

import base64
import io
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

import torch

from zplus_plugins.execution.processes import end_with_parent, sendable
from zplus_plugins.execution.progress import Remaining
from zplus_plugins.inversion import Space, files
from zplus_plugins.inversion.batch_size import BatchSize
from zplus_plugins.inversion.batches import Batch, BatchWork
from zplus_plugins.inversion.domain import Domain, chosen_likeness, domain_of, is_embedded, open_model
from zplus_plugins.inversion.inverter import Step
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.studio.inverting.folder import dashed, first_free, numbered, working_in
from zplus_plugins.studio.inverting.options import Order
from zplus_plugins.studio.inverting.targets import Target, targets_of
from zplus_plugins.system.console import LOGGER
from zplus_plugins.system.threads import limited_to, threads_for

EVERY = 0.25  # seconds, at least, from one preview to the next
_SHARE = 10  # of the time, at most one part in so many is spent on previews
_PREVIEW = 256  # px, the longest side
_PATIENCE = 600.0  # seconds to wait for another command that writes to the folder
_NICE = 5  # moves of sliders come first

Tell: TypeAlias = Callable[[str, Any], object]
"""Called with what happens: ``inverting`` with the number of all steps and a note; ``step`` with the parts of an event;
``record`` with the path of a record that is there, and that of the picture that was inverted."""


_NAMES_OF = (files.record_name, files.reconstruction_name)


@dataclass(frozen=True)
class _Part:
    """One picture in one space.

    Attributes:
        name: of the result, without its suffix.
        target: the picture.
        space: the space.
        settings: on which the result depends.
        finished: whether it is there.
    """

    name: str
    target: Target
    space: Space
    settings: dict[str, str]
    finished: bool


class Inverting:
    """Inverts photographs one at a time, in the spaces of an order, just as ``zplus invert`` does.

    Args:
        order: how.
        out: the folder of results.
    """

    def __init__(self, order: Order, out: Path) -> None:
        self._order, self._out = order, out

    def __call__(self, photo: Path, tell: Tell) -> None:
        """Invert a photograph: ``NAME.f-zplus.zplus.npz`` is the record in F/Z+, and ``.png`` its reconstruction.

        What is there already is told, and not done again. If other results have the name, a number is added to it.

        Raises:
            ZPlusError: it cannot be inverted.
        """
        generator = self._domain.model.generator
        targets = targets_of(photo, self._out, self._order, generator.architecture.resolution, is_embedded(generator))
        parts = [part for target in targets.all for part in self._parts(target)]
        left = [part for part in parts if not part.finished]
        note = targets.note if left else f"{targets.note} It was inverted before."
        tell("inverting", (len(left) * self._order.steps, note))
        watched = _Watched(tell, len(left) * self._order.steps, generator.w_mean.device)
        for part in parts:
            if not part.finished:
                with limited_to(threads_for(generator)):
                    self._invert(part, watched)
            tell("record", (self._out / files.record_name(part.name), *part.target.pictures.files))

    @cached_property
    def _domain(self) -> Domain:
        order = self._order
        return domain_of(open_model(order.generator, order.device, label=order.label), order.likeness)

    def _parts(self, target: Target) -> Iterator[_Part]:
        spaces = self._order.opened_spaces
        settings = {space: self._settings(target, space) for space in spaces}

        def wanted(n: int) -> dict[str, dict[str, str]]:
            names = {space: f"{numbered(target.name, n)}.{dashed(space)}" for space in spaces}
            return {name_of(names[space]): settings[space] for space in spaces for name_of in _NAMES_OF}

        with working_in(self._out) as results:
            name = numbered(target.name, first_free(results, wanted))
            for space in spaces:
                own = f"{name}.{dashed(space)}"
                finished = results.finished([name_of(own) for name_of in _NAMES_OF], settings[space])
                yield _Part(own, target, space, settings[space], finished)

    def _settings(self, target: Target, space: Space) -> dict[str, str]:
        """All on which a result depends, as ``zplus invert`` states it."""
        model, (path,) = self._domain.model, target.pictures.files
        likeness = chosen_likeness(model, self._order.likeness)
        order = files.Order.of({"": path}, target.pictures, space, self._order.settings, model, likeness)
        return order.settings_of("", BatchSize())

    def _invert(self, part: _Part, watched: _Watched) -> None:
        watched.begin(part)
        work = BatchWork(self._domain, part.space, self._order.settings, "auto", watched)
        batch = Batch((part.name,), part.target.pictures, frozenset({part.name}), BatchSize())
        (made,) = work(batch, lambda what, steps: None)
        if made.error is not None:
            raise made.error
        with working_in(self._out, _PATIENCE) as results, results.writing(part.settings) as folder:
            (folder / files.record_name(part.name)).write_bytes(made.record)
            (folder / files.reconstruction_name(part.name)).write_bytes(made.picture)
        watched.end()


class _Watched:
    """Tells of the steps of a job, a few times a second."""

    def __init__(self, tell: Tell, steps: int, device: torch.device) -> None:
        self._tell, self._steps, self._remaining = tell, steps, Remaining(device)
        self._before = self._last = 0  # steps of earlier parts, and of this one
        self._next = 0.0
        self._space = ""

    def begin(self, part: _Part) -> None:
        """Begin a picture in a space."""
        self._space, self._next, self._last = part.space.name, 0.0, 0

    def end(self) -> None:
        """End it."""
        self._before += self._last

    def __call__(self, names: tuple[str, ...], step: Step) -> None:
        self._last = step.number
        done = self._before + step.number
        seconds, began = self._remaining(self._steps - done), time.monotonic()
        if began < self._next:
            return
        self._tell(
            "step",
            {
                "space": self._space,
                "step": done,
                "loss": float(step.losses.mean()),
                "seconds_left": seconds,
                "preview": preview(step),
            },
        )
        self._next = began + max(EVERY, _SHARE * (time.monotonic() - began))


def preview(step: Step) -> str:
    """The picture of a running inversion as the address of a JPEG image that contains it."""
    image = sheet(step.pictures()[:1], 1)
    image.thumbnail((_PREVIEW, _PREVIEW))
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()


def serve(pipe: Connection, order: Order, out: Path) -> None:
    """The main function of the process, which ends when its parent does, however that ends.

    It receives paths of photographs; for each it sends what is told of it, and then ``done``, or ``failed`` with the
    error and its traceback.
    """
    threading.Thread(target=end_with_parent, daemon=True).start()
    with suppress(AttributeError, OSError):
        os.nice(_NICE)
    LOGGER.addHandler(_Passed(pipe))
    LOGGER.setLevel(logging.INFO)
    inverting = Inverting(order, out)
    with suppress(EOFError):
        while True:
            photo = pipe.recv()
            try:
                inverting(photo, lambda kind, what: pipe.send((kind, what)))
                pipe.send(("done", None))
            except Exception as error:
                pipe.send(("failed", (sendable(error), traceback.format_exc())))


class _Passed(logging.Handler):
    """Passes log messages to the parent."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        self._pipe.send(("log", (record.levelno, record.getMessage())))
