"""The progress of long work: an estimate measured on its first steps, and the loss that its bar shows."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.execution.processors import Share
from zplus_plugins.system.device import name_of, synchronize

LONG = 3.0  # seconds; what is done sooner is not announced
_MEASURED = 1.0  # seconds, of however many processes
_WARM_UP = {"cuda": 5}  # steps of each process: up to the capture of a graph; elsewhere one
_BETWEEN = 0.5  # seconds from one reading of the loss to the next
_GB = 1e9
_log = logging.getLogger("zplus_plugins")


@dataclass(frozen=True)
class Place:
    """Where work is done.

    Attributes:
        device: of this process.
        share: processes, and threads of each.
        on: the address of a cluster that does it instead.
    """

    device: torch.device
    share: Share
    on: str | None = None

    @property
    def here(self) -> bool:
        """Whether this process does it."""
        return self.on is None and self.share.workers == 1

    def __str__(self) -> str:
        threads = f"{self.share.threads} thread{'s' * (self.share.threads > 1)}"
        if self.on is not None:
            return f"on the cluster {self.on}"
        where = f"on the CPU, {threads}" if self.device.type == "cpu" else f"on {name_of(self.device)}"
        return where if self.share.workers == 1 else f"{where} each, in {self.share.workers} processes"

    def memory(self) -> int | None:
        """The most bytes that this process has used: of the GPU if that does the work; None where that is unknown."""
        if not self.here:
            return None
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return _peak()


class Announced:
    """A bar for steps of an inversion, with one message, after the first of them, that says how long all will take.

    These first steps are those of the work itself. What is over within :data:`LONG` seconds is not announced.

    Args:
        shown: the bar.
        work: a description of the work that is left, for the message.
        left: the steps that are left, in the bar's units.
        place: where the work is done.
        batch: the most units that one step is.
        rest: what the estimate does not contain, as the end of the message.
    """

    def __init__(self, shown: Any, work: str, left: int, place: Place, batch: int = 1, rest: str = "") -> None:
        self._shown, self._work, self._left, self._place = shown, work, left, place
        self._batch, self._rest = batch, rest
        self._skipped = _WARM_UP.get(place.device.type, 1) * place.share.workers
        self._calls = self._units = self._most = 0
        self._begin: float | None = None
        self.said = False

    def __call__(self, what: str, units: int) -> None:
        """Take note of work just done.

        Args:
            what: a description of it, which the bar shows.
            units: how much; negative if it was in vain, and more than a step if it had been done before.
        """
        self._shown.set_description(what, refresh=False)
        self._shown.update(units)
        if not self.said and 0 < units <= self._batch:
            self._measure(units)

    def _measure(self, units: int) -> None:
        self._most = max(self._most, units)
        self._calls += 1
        if self._calls < self._skipped:
            return
        if self._begin is None:
            self._wait()
            self._begin, self._calls = time.perf_counter(), self._skipped
            return
        self._units += units
        if time.perf_counter() - self._begin < _MEASURED:
            return
        self._wait()
        seconds = time.perf_counter() - self._begin
        self.said = True
        total = seconds / self._units * self._left
        if total >= LONG:
            self._say(total, seconds / (self._calls - self._skipped) * self._place.share.workers)

    def _wait(self) -> None:
        if self._place.here:
            synchronize(self._place.device)

    def _say(self, total: float, step: float) -> None:
        of = f" of {self._most} images" if self._most > 1 else ""
        used = self._place.memory()
        memory = "" if used is None else f", {used / _GB:.1f} GB"
        self._shown.clear()
        _log.info(
            "%s: about %s (%s s a step%s%s) %s%s.",
            *(self._work, duration(total), f"{step:.2g}", of, memory, self._place, self._rest),
        )
        self._shown.refresh()


class Remaining:
    """The time that is left, by the pace of the steps so far, without the first ones, which take longer.

    Args:
        device: that does them.
        clock: tells the seconds.
    """

    def __init__(self, device: torch.device, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._skipped = clock, _WARM_UP.get(device.type, 1)
        self._calls = 0
        self._begin = clock()

    def __call__(self, left: int) -> float | None:
        """After each step: the seconds that ``left`` more of them take; None while the pace is unknown."""
        self._calls += 1
        if self._calls <= self._skipped:
            self._begin = self._clock()
            return None
        return (self._clock() - self._begin) / (self._calls - self._skipped) * left


class LossText:
    """What a bar says of an inversion: its title and its mean loss.

    The loss is read at most twice a second, because to read it is to wait for a GPU.

    Args:
        title: of the inversion.
        clock: tells the seconds.
    """

    def __init__(self, title: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._title, self._clock, self._text = title, clock, title
        self._next = clock()

    def __call__(self, losses: Tensor) -> str:
        """The text after a step, whose losses are (B,)."""
        if self._clock() >= self._next:
            self._text = f"{self._title}, loss {float(losses.mean()):.4f}"
            self._next = self._clock() + _BETWEEN
        return self._text


def counting(images: int) -> str:
    """``1 image``, ``16 images``."""
    return f"{images} image{'s' * (images != 1)}"


def duration(seconds: float) -> str:
    """A time as people say it: ``40 s``, ``4 min``, ``3 h 20 min``, ``2 days 5 h``."""
    if seconds < 90:
        return f"{ceil(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    text = f"{days} day{'s' * (days > 1)}"
    return f"{text} {hours} h" if hours else text


def _peak() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
