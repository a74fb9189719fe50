"""The training loop: resume, log, save periodically, and save when interrupted."""

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
    """The state that the loop trains; it is saved and restored bit for bit.

    All randomness must come from torch's global generator and the number of the step.

    Attributes:
        networks: by name; all are part of the state.
        optimizers: likewise.
        batch: drawn images per step.
        steps: steps so far.
        seen: drawn images seen so far.
    """

    networks: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]
    batch: int
    steps: int = 0
    seen: int = 0

    @abstractmethod
    def advance(self) -> dict[str, float]:
        """Do one step; returns values for the log."""

    def step(self) -> dict[str, float]:
        """Train on one batch; returns values for the log."""
        figures = self.advance()
        self.steps += 1
        self.seen += self.batch
        return figures

    def state(self) -> dict[str, Any]:
        """Everything that :meth:`restore` needs, in types that ``torch.load(weights_only=True)`` accepts."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "steps": self.steps,
            "seen": self.seen,
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Restore a state, except for the learning rates, which keep their settings."""
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
    """Train until a number of images has been seen, or until Ctrl-C; saves in both cases.

    After an interruption, the process exits with 128 plus the signal's number (130 for Ctrl-C), so that following
    commands do not mistake an unfinished training for a finished one.

    Args:
        training: resumes from the checkpoint in the folder if there is one.
        settings: everything that it depends on, as JSON values; stored beside the first checkpoint.
        out: folder for checkpoint, settings and log.
        pictures: total number of images to see.
        minutes: time between two saves.
        saved: called with the folder after each save, for example to write samples; must not use the global generator.

    Raises:
        RequirementError: the folder cannot be written to, or its checkpoint is unreadable or of another training.
        UsageError: training in the folder was started with other settings, or the folder contains files with the names
            of a training's files.
        SystemExit: training was interrupted, and has been saved.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequirementError(f"Cannot write to {out}: {error.strerror}. Choose another folder with --out.") from None
    if (out / CHECKPOINT).exists():
        require_kept(out, settings)
        restored(training, out)
        console.say(f"resuming after {training.seen} images")
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
        console.insist(f"interrupted after {training.seen} images; run the same command again to continue")
        raise SystemExit(128 + interrupted[0])


def restored(training: Resumable, out: Path) -> None:
    """Restore a training from the checkpoint in its folder.

    Raises:
        RequirementError: there is none, or it is unreadable or of another training.
    """
    state = load(out / CHECKPOINT)
    try:
        training.restore(state)
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise RequirementError(
            f"{out / CHECKPOINT} belongs to another training: its networks do not match. "
            "Choose another folder with --out."
        ) from None


@contextmanager
def _interruptions() -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C or SIGTERM; steps are never interrupted in the middle."""
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
