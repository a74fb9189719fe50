"""What waits to be sent to one tab. It is bounded: of pictures the latest counts, and notes are kept."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Hashable

from zplus_plugins.studio.serving.contract import Frame, Note

MOST_NOTES = 1000


class Overfull(Exception):
    """The tab has not read its notes for long."""


class Outbox:
    """Frames and notes for a tab, put in on any thread and taken out on the loop's.

    A frame takes the place of an earlier one of the same space and kind that still waits. A note about a job takes the
    place of that job's, and the list of portraits that of an earlier list; notes leave in order, and before frames.

    Args:
        loop: on which they are taken out.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._lock = loop, threading.Lock()
        self._frames: OrderedDict[Hashable, Frame] = OrderedDict()
        self._notes: OrderedDict[Hashable, Note] = OrderedDict()
        self._count, self._overfull, self._closed = 0, False, False
        self._filled = asyncio.Event()
        self.dropped = 0

    def frame(self, frame: Frame) -> None:
        """Put in a frame."""
        key = (frame.header.get("space"), frame.header.get("kind"))
        with self._lock:
            self.dropped += self._frames.pop(key, None) is not None
            self._frames[key] = frame
        self._wake()

    def note(self, note: Note) -> None:
        """Put in a note."""
        with self._lock:
            self._count += 1
            key: Hashable = {"job": ("job", note.get("id")), "portraits": "portraits"}.get(note["type"], self._count)
            self._notes.pop(key, None)
            if len(self._notes) >= MOST_NOTES:
                self._overfull = True
            else:
                self._notes[key] = note
        self._wake()

    def close(self) -> None:
        """Nothing that is put in from now on is sent."""
        self._closed = True

    async def take(self) -> Frame | Note:
        """The next to be sent, when there is one.

        Raises:
            Overfull: too many notes were waiting.
        """
        while True:
            self._filled.clear()
            with self._lock:
                if self._overfull:
                    raise Overfull
                if self._notes:
                    return self._notes.popitem(last=False)[1]
                if self._frames:
                    return self._frames.popitem(last=False)[1]
            await self._filled.wait()

    def _wake(self) -> None:
        if not self._closed and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._filled.set)
