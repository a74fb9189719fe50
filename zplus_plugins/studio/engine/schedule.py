"""Who is served when: one thread owns the models, the latest scene of each tab wins, and tabs are served in turn."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import torch

from zplus_plugins.errors import ZPlusError
from zplus_plugins.hypersphere.chase import chase
from zplus_plugins.hypersphere.families import mapping_of
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.studio.engine.frames import Frame
from zplus_plugins.studio.engine.painting import Painter
from zplus_plugins.studio.engine.scene import Scene
from zplus_plugins.studio.engine.work import Output, SceneWork
from zplus_plugins.system.threads import limited_to, threads_for

_log = logging.getLogger("zplus_plugins")
_SETTLED = 0.12  # seconds after a tab's last scene, when a slider seems to rest
_PATIENCE = 0.5  # seconds without a piece of work, after which one is done although a slider moves
_FAILED = "The picture could not be made, by an unexpected error; the log of zplus studio says more."

Value = TypeVar("Value")


class Tab:
    """A page that is shown scenes; see :class:`Schedule`."""

    def __init__(
        self,
        schedule: Schedule,
        on_frame: Callable[[Frame], object],
        on_note: Callable[[dict[str, Any]], object],
    ) -> None:
        self._schedule, self.on_frame, self.on_note = schedule, on_frame, on_note
        self.pending: tuple[int, Scene] | None = None
        self.seq = 0
        self.pieces: Iterator[list[Output]] | None = None
        self.rests_at = self.worked_at = 0.0
        self.seen: dict[str, str] = {}
        self.closed = False

    def show(self, seq: int, scene: Scene) -> None:
        """Show a scene instead of all that were asked for before."""
        self._schedule.show(self, seq, scene)

    def close(self) -> None:
        """Show nothing any more; its callbacks are not called after that, but for one that is being called."""
        self._schedule.leave(self)


class Schedule:
    """The thread that makes frames.

    First, tabs that wait are served in turn: a frame of each space of their latest scene. Then comes what :meth:`run`
    was given. While no tab waits, exact frames are made of scenes that rest, and then what makes later moves quick: a
    piece at a time, so that nobody waits long. A slider that never rests gets a missing waypoint every half second, so
    that its pictures do not stay inexact on a busy machine.

    Args:
        painter: used in this thread only.
    """

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._changed = threading.Condition()
        self._tabs: deque[Tab] = deque()
        self._jobs: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="zplus-studio-engine", daemon=True)
        self._thread.start()
        painter.desk.compute_by(lambda work: self.run(work).result())

    def tab(self, on_frame: Callable[[Frame], object], on_note: Callable[[dict[str, Any]], object]) -> Tab:
        """A new tab.

        Args:
            on_frame, on_note: called in the thread of the schedule with each frame, and with each note: a curve that
                was measured further, or an error. They should be quick. If one fails, the tab is closed.
        """
        tab = Tab(self, on_frame, on_note)
        with self._changed:
            self._tabs.append(tab)
        return tab

    def show(self, tab: Tab, seq: int, scene: Scene) -> None:
        """:meth:`Tab.show`."""
        with self._changed:
            tab.pending = (seq, scene)
            tab.pieces = None
            tab.rests_at = time.monotonic() + _SETTLED
            self._changed.notify()

    def leave(self, tab: Tab) -> None:
        """:meth:`Tab.close`."""
        with self._changed:
            tab.closed, tab.pending, tab.pieces = True, None, None
            if tab in self._tabs:
                self._tabs.remove(tab)

    def run(self, work: Callable[[], Value]) -> Future[Value]:
        """Do something else with the models; in the thread of the schedule, it is done at once.

        Raises:
            RuntimeError: the schedule is closed.
        """
        future: Future[Value] = Future()
        if threading.current_thread() is self._thread:
            _carry_out(future, work)
            return future
        with self._changed:
            if self._closed:
                raise RuntimeError("The studio's engine is closed.")
            self._jobs.append((future, work))
            self._changed.notify()
        return future

    def close(self) -> None:
        """End the thread after the piece of work that it is doing; what else :meth:`run` was given is cancelled."""
        with self._changed:
            self._closed = True
            jobs = list(self._jobs)
            self._jobs.clear()
            self._changed.notify()
        for future, _ in jobs:
            future.cancel()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Schedule:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _work(self) -> None:
        generator = self._painter.desk.model.generator
        with limited_to(threads_for(generator)), torch.no_grad():
            _warm_up(self._painter)
            while (step := self._next()) is not None:
                step()

    def _next(self) -> Callable[[], None] | None:
        """What to do next, when there is something; None if the schedule is closed."""
        with self._changed:
            while not self._closed:
                tab = self._in_turn(lambda tab: tab.pending is not None)
                if tab is not None and tab.pending is not None:
                    (seq, scene), tab.pending = tab.pending, None
                    return partial(self._show, tab, seq, scene)
                if self._jobs:
                    future, work = self._jobs.popleft()
                    return partial(_carry_out, future, work)
                tab = self._in_turn(lambda tab: _waits(tab) <= 0)
                if tab is not None and tab.pieces is not None:
                    return partial(self._go_on, tab, tab.pieces)
                waits = min(map(_waits, self._tabs), default=math.inf)
                self._changed.wait(None if waits == math.inf else waits)
            return None

    def _in_turn(self, fits: Callable[[Tab], bool]) -> Tab | None:
        """The first tab that fits, which is then the last in turn."""
        found = next(filter(fits, self._tabs), None)
        if found is not None:
            self._tabs.remove(found)
            self._tabs.append(found)
        return found

    def _show(self, tab: Tab, seq: int, scene: Scene) -> None:
        work = SceneWork(self._painter, seq, scene, tab.seen)
        tab.seq = seq
        if self._guarded(tab, seq, lambda: self._send(tab, work.at_once())):
            if work.helpful and time.monotonic() - tab.worked_at > _PATIENCE:
                self._guarded(tab, seq, work.helpful[0])
                tab.worked_at = time.monotonic()
            with self._changed:
                if tab.pending is None and not tab.closed:
                    tab.pieces = work.in_pieces()

    def _go_on(self, tab: Tab, pieces: Iterator[list[Output]]) -> None:
        outputs: list[Output] | None = []

        def go_on() -> None:
            nonlocal outputs
            outputs = next(pieces, None)
            self._send(tab, outputs or [])

        fine = self._guarded(tab, tab.seq, go_on)
        with self._changed:
            tab.worked_at = time.monotonic()
            if tab.pieces is pieces and (outputs is None or not fine):
                tab.pieces = None

    def _send(self, tab: Tab, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if tab.closed:
                return
            try:
                if isinstance(output, Frame):
                    tab.on_frame(output)
                else:
                    tab.on_note(output)
            except Exception:
                _log.exception("A page could not be told of a picture; it is left")
                tab.close()

    def _guarded(self, tab: Tab, seq: int, work: Callable[[], None]) -> bool:
        """Whether the work was done; if not, the tab is told why."""
        try:
            work()
            return True
        except ZPlusError as error:
            message = str(error)
        except Exception:
            _log.exception("A scene of zplus studio could not be shown")
            message = _FAILED
        self._send(tab, [{"type": "error", "seq": seq, "message": message}])
        return False


def _waits(tab: Tab) -> float:
    """Seconds until the next piece of a tab's work should be done."""
    if tab.pieces is None:
        return math.inf
    return min(tab.rests_at, tab.worked_at + _PATIENCE) - time.monotonic()


def _carry_out(future: Future[Value], work: Callable[[], Value]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def _warm_up(painter: Painter) -> None:
    """A first chase, which takes longer than others."""
    mapping = mapping_of(painter.desk.model.generator)
    start = SphericalLatent.random(1, 1, mapping.z_dim, device=mapping.device_and_dtype()[0])
    chase(mapping, start, mapping(start), steps=1)
