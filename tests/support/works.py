"""Works for executors: tiny ones, that processes elsewhere can import."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zplus_plugins.errors import LatentError
from zplus_plugins.execution.worker import Advance


def draw(seed: int, advance: Advance) -> list[float]:
    """Random numbers of a matrix product, in four steps."""
    torch.manual_seed(seed)
    for _ in range(4):
        advance(f"seed {seed}", 1)
    return [float(value) for value in (torch.randn(40, 40) @ torch.randn(40, 40)).sum(dim=0)]


def fail_at_two(seed: int, advance: Advance) -> list[float]:
    if seed == 2:
        raise LatentError("The seed is 2.")
    return draw(seed, advance)


@dataclass(frozen=True)
class Deadly:
    """Two steps into a task, says where it is and ends its worker: each of the seeds as many times as given.

    Attributes:
        folder: where it counts.
        times: by seed. Seed 2 fails where it does not end its worker.
    """

    folder: Path
    times: dict[int, int]

    def __call__(self, seed: int, advance: Advance) -> list[float]:
        advance(f"seed {seed}", 2)
        surroundings(seed, advance)
        for i in range(self.times.get(seed, 0)):
            if not (mark := self.folder / f"{seed}-{i}").exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return fail_at_two(seed, advance)


@dataclass(frozen=True)
class Waiting:
    """Goes on for ever, in steps, and says who does."""

    folder: Path

    def __call__(self, seed: int, advance: Advance) -> None:
        (self.folder / f"{seed}.{os.getpid()}").touch()
        while True:
            time.sleep(0.02)
            advance(f"seed {seed}", 1)


def surroundings(seed: int, advance: Advance) -> tuple[int, str | None, int]:
    """What a worker sees, which it says, too: its process, its GPU, and the number of threads."""
    gpu, threads = os.environ.get("CUDA_VISIBLE_DEVICES"), torch.get_num_threads()
    logging.getLogger("zplus_plugins").info("seed %d, %d threads, GPU %s", seed, threads, gpu)
    logging.getLogger("zplus_plugins").debug("not said")
    return os.getpid(), gpu, threads


class Unreadable:
    """A work that needs a module which is nowhere."""

    def __reduce__(self) -> Any:
        return importlib.import_module, ("no_such_module",)

    def __call__(self, seed: int, advance: Advance) -> None:
        """Never called."""
