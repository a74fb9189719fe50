"""The loop around a training: resume, log, save now and then, and save when it is interrupted."""

from __future__ import annotations

import signal
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zplus_plugins.errors import RequirementError
from zplus_plugins.portraits.networks.files import load, save
from zplus_plugins.portraits.training import log
from zplus_plugins.portraits.training.kept_settings import keep, require_kept, require_own
from zplus_plugins.system import console

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


class Resumable(ABC):
    """What the loop trains. It is saved and restored bit by bit.

    All that is random must come from torch's global numbers and from the number of the step.

    Attributes:
        networks: by name; all are part of the state.
        optimizers: likewise.
        batch: drawn pictures a step.
        steps: made so far.
        seen: drawn pictures seen so far.
    """

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    batch: int
    steps: int = 0
    seen: int = 0

    @abstractmethod
    def advance(self) -> dict[str, float]:
        """What a step does; figures for the log."""

    def step(self) -> dict[str, float]:
        """Go on by one batch; figures for the log."""
        figures = self.advance()
        self.steps += 1
        self.seen += self.batch
        return figures

    def state(self) -> dict[str, Any]:
        """All that :meth:`restore` needs, of types that ``torch.load(weights_only=True)`` admits."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "steps": self.steps,
            "seen": self.seen,
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state; the learning rates stay as they were asked for."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimizer in self.optimizers.items():
            asked = [group["lr"] for group in optimizer.param_groups]
            optimizer.load_state_dict(state["optimizers"][name])
            for group, lr in zip(optimizer.param_groups, asked, strict=True):
                group["lr"] = lr
        self.steps, self.seen = state["steps"], state["seen"]
        torch.set_rng_state(state["random"])


def train(
    training: Resumable,
    settings: Mapping[str, Any],
    out: Path,
    pictures: int,
    minutes: float,
    saved: Callable[[Path], None],
) -> None:
    """Train until a number of pictures has been seen, or Ctrl-C; both save first.

    After an interruption the process ends with 128 and the signal's number, 130 for Ctrl-C, so that no other command
    takes an unfinished training for a finished one.

    Args:
        training: goes on from the folder's checkpoint if there is one.
        settings: all that it depends on, as JSON can write it. They are kept beside the first checkpoint.
        out: folder of checkpoint, settings and log.
        pictures: to be seen in all.
        minutes: between two saves.
        saved: called with the folder after each of them, to write samples for instance; it draws no global numbers.

    Raises:
        RequirementError: the folder cannot be written to, or its checkpoint is unreadable or of another training.
        UsageError: the training in the folder was begun with other settings, or the folder holds files of its names
            that are of no training.
        SystemExit: it was interrupted, and has been saved.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequirementError(f"Cannot write to {out}: {error.strerror}. Choose another folder with --out.") from None
    if (out / CHECKPOINT).exists():
        require_kept(out, settings)
        restored(training, out)
        console.say(f"going on after {training.seen} pictures")
    else:
        require_own(out, settings, (LOG,))
        keep(out, settings)
    log.drop_after(out / LOG, training.seen)
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
            log.append(out / LOG, {"seen": training.seen, "pictures_per_second": speed, **figures})
            save(out / CHECKPOINT, training.state())
            saved(out)
    if interrupted:
        console.insist(f"interrupted after {training.seen} pictures; the same command goes on from there")
        raise SystemExit(128 + interrupted[0])


def restored(training: Resumable, out: Path) -> None:
    """Restore a training from its folder's checkpoint.

    Raises:
        RequirementError: there is none, or it is unreadable or of another training.
    """
    state = load(out / CHECKPOINT)
    try:
        training.restore(state)
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise RequirementError(
            f"{out / CHECKPOINT} is of another training: its networks are not those that are to be trained. "
            "Choose another folder with --out."
        ) from None


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
