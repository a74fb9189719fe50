"""What the server needs of what it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from zplus_plugins.errors import ZPlusError

Note = dict[str, Any]
"""A message for the page, as plain JSON with a ``type``."""


class Absent(ZPlusError):
    """There is nothing of this name."""


class Picture(NamedTuple):
    """An encoded picture."""

    mime: str
    content: bytes


class Frame(Protocol):
    """A picture of a scene."""

    @property
    def header(self) -> Mapping[str, Any]:
        """As plain JSON: among others ``seq``, ``space`` and ``kind``, which tell what it is a picture of."""

    def as_bytes(self) -> bytes:
        """Length of the header as a little-endian uint32, the header as JSON, and the picture."""


class Tab(Protocol):
    """One open page."""

    def show(self, seq: int, scene: Any) -> None:
        """Make the pictures of a scene instead of those of earlier ones.

        Raises:
            ZPlusError: this cannot be shown; the scene is from the client, and may be anything that JSON can hold.
        """

    def close(self) -> None:
        """Make no more pictures."""


class Studio(Protocol):
    """Portraits, inversions and results. All methods may be called from any thread, and may take their time."""

    @property
    def upload_limit(self) -> int:
        """The largest photograph or record, in bytes."""

    def state(self) -> dict[str, Any]:
        """All that a page has to know when it opens, as plain JSON."""

    def thumb(self, portrait: str) -> Picture:
        """A small picture of a portrait. Raises Absent if there is none of this id."""

    def target(self, portrait: str) -> Picture:
        """The picture that was inverted. Raises Absent if it is not known."""

    def add_photograph(self, name: str, content: bytes) -> dict[str, Any]:
        """Begin to invert a photograph; the job as plain JSON. Raises ZPlusError if it cannot be used."""

    def add_record(self, name: str, content: bytes) -> dict[str, Any]:
        """Open a record; its portrait as plain JSON. Raises ZPlusError if it cannot be used."""

    def cancel(self, job: str) -> None:
        """End a job. Raises Absent if there is none of this id."""

    def keep_mask(self, content: bytes) -> str:
        """Keep a mask, a PNG; its id. Raises ZPlusError if it cannot be used."""

    def mask(self, id: str) -> Picture:
        """A mask that was kept. Raises Absent if there is none of this id."""

    def save(self, scene: Any, what: Mapping[str, str]) -> list[Path]:
        """Write results of a scene; the new files. Raises ZPlusError if that cannot be done."""

    def result(self, name: str) -> Path:
        """The result of this name. Raises Absent unless this package made it in the folder of the results."""

    def open(self, on_frame: Callable[[Frame], None], on_note: Callable[[Note], None]) -> Tab:
        """Open a tab; the functions are called on another thread."""

    def listen(self, on_note: Callable[[Note], None]) -> Callable[[], None]:
        """Hear of jobs and portraits, on any thread, until the function that is returned is called."""
