"""The loop around a training: resume, log, save now and then, and save when it is interrupted."""

from __future__ import annotations

import json
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click

from zplus_plugins.errors import RequirementError
from zplus_plugins.portraits.files import load, save

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


class Trainable(Protocol):
    """What the loop trains: it knows how far it is, how to go on, and how to be saved."""

    @property
    def seen(self) -> int:
        """Pictures seen so far."""

    def step(self) -> dict[str, float]:
        """Go on by one batch; figures for the log."""

    def state(self) -> dict[str, Any]:
        """All that ``restore`` needs."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""


def train(training: Trainable, out: Path, pictures: int, minutes: float, saved: Callable[[Path], None]) -> None:
    """Train until a number of pictures has been seen, or Ctrl-C; both save first.

    Args:
        training: goes on from the folder's checkpoint if there is one.
        out: folder of checkpoint and log.
        pictures: to be seen in all.
        minutes: between two saves.
        saved: called with the folder after each of them, to write samples for instance.

    Raises:
        RequirementError: the folder cannot be written to, or its checkpoint not be read.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequirementError(f"Cannot write to {out}: {error.strerror}. Choose another folder with --out.") from None
    if (out / CHECKPOINT).exists():
        training.restore(load(out / CHECKPOINT))
        click.echo(f"going on after {training.seen} pictures", err=True)
    with _interruptions() as interrupted:
        while training.seen < pictures and not interrupted:
            began, before, sums = time.monotonic(), training.seen, defaultdict[str, list[float]](list)
            due = False
            while not due:
                for name, value in training.step().items():
                    sums[name].append(value)
                due = training.seen >= pictures or bool(interrupted) or time.monotonic() >= began + 60 * minutes
            figures = {name: sum(values) / len(values) for name, values in sums.items()}
            speed = (training.seen - before) / (time.monotonic() - began)
            save(out / CHECKPOINT, training.state())
            _log(out / LOG, {"seen": training.seen, "pictures_per_second": speed, **figures})
            saved(out)


def _log(path: Path, figures: dict[str, float]) -> None:
    line = json.dumps(
        {name: float(f"{value:.5g}") if isinstance(value, float) else value for name, value in figures.items()}
    )
    click.echo(line)
    with path.open("a") as log:
        log.write(line + "\n")


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C or a request to end; a step is never cut in two."""
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: asked.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
