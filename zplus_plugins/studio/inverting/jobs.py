"""Photographs that wait to be inverted, one after the other, in a process that is killed to cancel one."""

from __future__ import annotations

import logging
import secrets
import signal
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Protocol

from zplus_plugins.errors import UsageError, ZPlusError
from zplus_plugins.studio.inverting.child import Child, Died
from zplus_plugins.studio.inverting.options import Order
from zplus_plugins.studio.inverting.photographs import keep, kept_in
from zplus_plugins.studio.inverting.unfinished import without_records

MOST_WAITING = 1000
_MOST_ENDED = 100  # that are listed
_IDLE = 300.0  # seconds after which a process without work is ended
_log = logging.getLogger("zplus_plugins")


class _Portrait(Protocol):
    @property
    def id(self) -> str: ...


class _Desk(Protocol):
    def add(self, path: Path, target: Path | None = None) -> _Portrait: ...


@dataclass
class Job:
    """The inversion of a photograph.

    Attributes:
        id: what it is called in requests.
        name: of the photograph's file.
        state: ``waiting``, ``aligning``, ``inverting``, ``done``, ``failed`` or ``cancelled``.
        space: name of the space that it is inverted into now.
        step, steps: steps done, and all, in all spaces and of all faces.
        loss: of the current code.
        seconds_left: an estimate; None while there is none.
        message: what was done to the photograph, or why it failed.
        portraits: ids of the portraits that it has become, the largest face first.
        preview: the current picture, as the address of a JPEG image that contains it.
    """

    id: str
    name: str
    state: str = "waiting"
    space: str | None = None
    step: int = 0
    steps: int = 0
    loss: float | None = None
    seconds_left: float | None = None
    message: str | None = None
    portraits: list[str] = field(default_factory=list)
    preview: str | None = None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ("done", "failed", "cancelled")

    def plain(self) -> dict[str, Any]:
        """The event that says all of it: its attributes, and ``portrait``, the first one."""
        return {"type": "job", **asdict(self), "portrait": self.portraits[0] if self.portraits else None}


class Jobs:
    """Inverts photographs one after the other, in a process of its own, and adds their records to a desk.

    Args:
        desk: whose ``add`` is called with the path of each record and that of the picture that was inverted, in a
            thread of this class.
        out: the folder of results. Photographs are kept in ``photos`` there.
        order: how they are inverted.
        on_event: called with :meth:`Job.plain` whenever something has changed; in any thread, but never in two at a
            time. It must not wait for a method of this class in another thread.
        idle: seconds after which the process is ended if there is nothing to do, and its memory free.
    """

    def __init__(
        self,
        desk: _Desk,
        out: Path | str,
        order: Order,
        on_event: Callable[[dict[str, Any]], object],
        idle: float = _IDLE,
    ) -> None:
        self._desk, self._out, self._order, self._on_event, self._idle = desk, Path(out), order, on_event, idle
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[tuple[Job, Path]] = deque()
        self._child: Child | None = None
        self._running: Job | None = None
        self._closed = False
        resource_tracker.ensure_running()  # where it is started, it would unblock Ctrl-C
        self._thread = threading.Thread(target=self._serve, name="inverting", daemon=True)
        self._thread.start()

    def start(self, name: str, content: bytes) -> dict[str, Any]:
        """Check a photograph, keep it, and queue its inversion.

        Args:
            name: that of its file, which need not be trusted.
            content: of the file, likewise.

        Returns:
            The job, as :meth:`Job.plain`.

        Raises:
            RequirementError: the photograph is unusable or cannot be kept; in one message.
            UsageError: too many are waiting, or this is closed.
        """
        self._require_room()
        return self._queue(keep(self._out, name, content))

    def again(self, name: str) -> dict[str, Any]:
        """Queue the inversion of a photograph that is kept already, such as one of :meth:`interrupted`.

        Raises:
            UsageError: there is none of that name; or as :meth:`start`.
        """
        for path in kept_in(self._out):
            if path.name == name:
                return self._queue(path)
        raise UsageError(f"There is no photograph {name!r} in {self._out}. Open it again.")

    def cancel(self, id: str) -> dict[str, Any]:
        """End a job at once; spaces in which it is finished stay. One that has ended stays as it is.

        Raises:
            UsageError: there is no such job.
        """
        with self._lock:
            job = self._jobs.get(id)
            if job is None:
                raise UsageError(f"There is no inversion {id!r}. Reload the page.")
            if not job.has_ended:
                self._waiting = deque(one for one in self._waiting if one[0] is not job)
                self._tell(job, state="cancelled", preview=None, seconds_left=None)
                if job is self._running and self._child is not None:
                    self._child.kill()
            return job.plain()

    def list(self) -> list[dict[str, Any]]:
        """All jobs, oldest first; of those that have ended, the last hundred."""
        with self._lock:
            return [job.plain() for job in self._jobs.values()]

    def interrupted(self) -> tuple[str, ...]:
        """Names of the kept photographs that lack a record in some space, and are not being inverted; sorted."""
        with self._lock:
            busy = {job.name for job in self._jobs.values() if not job.has_ended}
        found = without_records(self._out, self._order.spaces)
        return tuple(path.name for path in found if path.name not in busy)

    def close(self) -> None:
        """Cancel all jobs, and end the process; when this returns, it is gone."""
        with self._lock:
            self._closed = True
            for job in list(self._jobs.values()):
                self.cancel(job.id)
            self._changed.notify_all()
        self._thread.join()

    def _require_room(self) -> None:
        with self._lock:
            if self._closed:
                raise UsageError("The studio is closing. Start it again.")
            if len(self._waiting) >= MOST_WAITING:
                raise UsageError(f"{MOST_WAITING} photographs are waiting already. Wait, or cancel some of them.")

    def _queue(self, photo: Path) -> dict[str, Any]:
        with self._lock:
            self._require_room()
            job = Job(secrets.token_hex(6), photo.name)
            ended = [one.id for one in self._jobs.values() if one.has_ended]
            for old in ended[: max(0, len(ended) - _MOST_ENDED + 1)]:
                del self._jobs[old]
            self._jobs[job.id] = job
            self._waiting.append((job, photo))
            self._tell(job)
            self._changed.notify_all()
            return job.plain()

    def _tell(self, job: Job, **changes: Any) -> None:
        with self._lock:
            for name, value in changes.items():
                setattr(job, name, value)
            try:
                self._on_event(job.plain())
            except Exception:  # the listener's fault, which must not end the work, or keep the process alive
                _log.exception("An event of the inversion of %s was not heard.", job.name)

    def _serve(self) -> None:
        # Ctrl-C is for this process alone; the other one inherits this from the thread that starts it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while (task := self._next()) is not None:
            job, photo = task
            try:
                self._invert(job, photo)
            except Died as death:
                self._fail(job, _lost(job, death, self._out))
            except ZPlusError as error:
                self._fail(job, str(error))
            except Exception as error:
                _log.exception("The inversion of %s failed.", job.name)
                self._fail(job, f"{type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._running = None
        self._end_child()

    def _next(self) -> tuple[Job, Path] | None:
        """The next task, when there is one; None at the end."""
        with self._lock:
            while not self._waiting and not self._closed:
                if not self._changed.wait(self._idle) and not self._waiting:
                    self._end_child()
            if self._closed:
                return None
            job, photo = self._waiting.popleft()
            self._running = job
            self._tell(job, state="aligning")
            return job, photo

    def _begun(self, job: Job, photo: Path) -> Child | None:
        """The process that inverts a photograph now; None if that has been cancelled."""
        with self._lock:
            if job.has_ended:
                return None
            if self._child is None or not self._child.lives:
                self._end_child()
                self._child = Child(self._order, self._out)
            self._child.send(photo)
            return self._child

    def _invert(self, job: Job, photo: Path) -> None:
        child = self._begun(job, photo)
        while child is not None:
            kind, what = child.receive()
            if kind == "done":
                self._unless_cancelled(job, state="done", seconds_left=None, preview=None, step=job.steps)
                return
            if kind == "failed":
                error, trace = what
                if not isinstance(error, ZPlusError):
                    _log.error("The inversion of %s failed:\n%s", job.name, trace)
                raise error
            if kind == "log":
                _log.log(what[0], "%s: %s", job.name, what[1])
            elif kind == "record":
                portrait = self._desk.add(*what)
                if portrait.id not in job.portraits:
                    self._unless_cancelled(job, portraits=[*job.portraits, portrait.id])
            elif kind == "inverting":
                self._unless_cancelled(job, state="inverting", steps=what[0], message=what[1])
            else:
                self._unless_cancelled(job, **what)

    def _unless_cancelled(self, job: Job, **changes: Any) -> None:
        with self._lock:
            if not job.has_ended:
                self._tell(job, **changes)

    def _fail(self, job: Job, message: str) -> None:
        self._unless_cancelled(job, state="failed", message=message, seconds_left=None, preview=None)

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


def _lost(job: Job, death: Died, out: Path) -> str:
    return (
        f"The process that inverted {job.name} {death}, possibly because memory ran out. The photograph is kept in "
        f"{out}. Close other programs, or use a smaller generator or another --device, and invert it again."
    )
