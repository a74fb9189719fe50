"""The process that inverts."""

from __future__ import annotations

import multiprocessing
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from zplus_plugins.studio.inverting.options import Order
from zplus_plugins.studio.inverting.work import serve

_spawning = multiprocessing.get_context("spawn")  # forked processes cannot use CUDA


class Died(Exception):
    """The process has ended; says how, as the predicate of a sentence."""


class Child:
    """A process that inverts one photograph after the other.

    Args:
        order, out: as for :class:`~zplus_plugins.studio.inverting.work.Inverting`.
    """

    def __init__(self, order: Order, out: Path) -> None:
        self._pipe, theirs = _spawning.Pipe()
        self._process = _spawning.Process(target=serve, args=(theirs, order, out.absolute()), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def lives(self) -> bool:
        """Whether it can work."""
        return self._process.is_alive()

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    def send(self, photo: Path) -> None:
        """Give it a photograph; if it has died, :meth:`receive` will say so."""
        with suppress(OSError):
            self._pipe.send(photo.absolute())

    def receive(self) -> tuple[str, Any]:
        """The next that it tells, when it does; see :func:`~zplus_plugins.studio.inverting.work.serve`.

        Raises:
            Died: it has ended.
        """
        try:
            kind, what = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            raise Died(_how(self._process.exitcode)) from None
        return kind, what

    def kill(self) -> None:
        """End it at once; when this returns, it is gone."""
        self._process.kill()
        self._process.join()


def _how(code: int | None) -> str:
    with suppress(ValueError):
        if code is not None and code < 0:
            return f"was killed by {signal.Signals(-code).name}"
    return f"ended with status {code}"
