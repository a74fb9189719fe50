"""The lists of results in a folder: hidden files that record each result by name and checksum, and its settings.

There is one list, and one more for each shard that has worked in the folder. Each is written by one process at a time;
all are read. A process that is not a shard works alone in the folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from zplus_plugins.errors import RequirementError
from zplus_plugins.system.locks import Unlockable, is_still, try_lock

BOOK = ".zplus-results.jsonl"
FORMAT = 1
_OF_SHARDS = re.compile(r"\.zplus-results\.\d{1,6}-of-\d{1,6}\.jsonl", re.ASCII)
_FORMER_NAMES = {"setting rate": "setting lr", "setting f_rate": "setting f_lr"}  # of settings in older books

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Made:
    """Files that were published together.

    Attributes:
        settings: that produced them.
        files: their checksums by name.
        number: larger than that of everything that was listed in the folder before; 0 while there is only one list.
    """

    settings: Settings
    files: Mapping[str, str]
    number: int = 0

    def line(self) -> bytes:
        """The line of a list."""
        numbered = {"number": self.number} if self.number else {}
        content = {"format": FORMAT, "settings": dict(self.settings), "files": dict(self.files), **numbered}
        return json.dumps(content).encode() + b"\n"


class BusyError(RequirementError):
    """Another process is working in a folder of results."""


class OwnBook:
    """The list that this process writes, opened and locked for it.

    Args:
        folder: which exists.
        shard: its name, such as ``2-of-8``; None for a process that works alone in the folder.
        place: what a user chooses to write to another folder, for messages.

    Raises, on entry:
        BusyError: another process is working there, or on this shard.
        OSError: the list cannot be opened.
    """

    def __init__(self, folder: Path, shard: str | None = None, place: str = "--out") -> None:
        self._folder, self._shard, self._place = folder, shard, place
        self._closing = contextlib.ExitStack()
        self._file: IO[bytes]

    def __enter__(self) -> OwnBook:
        with self._closing:
            if self._shard is None:
                self._file = self._open(BOOK, "Another zplus process is writing results to {}.")
            else:
                alone = "Another zplus process is writing results to {}, and not as a shard."
                self._open(BOOK, alone, shared=True)
                self._file = self._open(_name(self._shard), f"Another zplus process is shard {self._shard} in {{}}.")
            self._closing = self._closing.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    def drop_cut_off_line(self) -> None:
        """Remove a line that a killed process left incomplete, so that the next one is not appended to it."""
        self._file.seek(0)
        whole = sum(len(line) for line in self._file if line.endswith(b"\n"))
        self._file.truncate(whole)

    def append(self, made: Made) -> None:
        """Append a line, whole or not at all."""
        size = os.fstat(self._file.fileno()).st_size
        try:
            self._file.write(made.line())
            self._file.flush()
        except OSError:
            os.ftruncate(self._file.fileno(), size)
            raise

    def _open(self, name: str, refusal: str, shared: bool = False) -> IO[bytes]:
        path = self._folder / name
        refusal = f"{refusal.format(self._folder)} Wait for it to end, or choose another {self._place}."
        book = self._closing.enter_context(_locked(path, shared, refusal))
        self._closing.callback(_drop_if_empty, path, book, shared)
        return book


def everything_made(folder: Path, place: str = "--out") -> list[Made]:
    """The entries of all lists in a folder, oldest first. A line cut off because its process was killed is skipped.

    Args:
        folder: which exists.
        place: as for :class:`OwnBook`.

    Raises:
        RequirementError: a file with the name of a list is none.
        OSError: one cannot be read.
    """
    found: list[Made] = []
    for path in _books(folder):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as book:  # an empty one may just be removed
            found += _read(book, path, place)
    return sorted(found, key=lambda made: made.number)  # stable: in one list, the order is that of its lines


def has_shards(folder: Path) -> bool:
    """Whether a shard has ever made something in a folder."""
    return len(_books(folder)) > 1


def _books(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        shards = sorted(entry.name for entry in entries if _OF_SHARDS.fullmatch(entry.name))
    return [folder / name for name in (BOOK, *shards)]


def _name(shard: str) -> str:
    return f".zplus-results.{shard}.jsonl"


@contextlib.contextmanager
def _locked(path: Path, shared: bool, refusal: str) -> Iterator[IO[bytes]]:
    """A list, opened and locked where locks are supported."""
    while True:
        # Do not follow a link: it could lead to a file of the user's.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)
        with os.fdopen(descriptor, "r+b") as book:
            try:
                if not try_lock(descriptor, shared):
                    raise BusyError(refusal)
                if not is_still(path, descriptor):
                    continue  # its owner found it empty at the end, and removed it
            except Unlockable:
                pass
            yield book
            return


def _drop_if_empty(path: Path, book: IO[bytes], shared: bool) -> None:
    if os.fstat(book.fileno()).st_size:
        return
    with contextlib.suppress(Unlockable):
        if shared and not try_lock(book.fileno()):
            return  # other shards hold it; the last one removes it
        path.unlink(missing_ok=True)


def _read(book: IO[bytes], path: Path, place: str) -> Iterator[Made]:
    for number, line in enumerate(book):
        parsed = _parsed(line)
        if parsed is not None:
            yield parsed
        elif number == 0 and line.endswith(b"\n"):
            raise RequirementError(
                f"{path} is not a list of results of zplus, or belongs to a later version. Choose another {place}."
            )


def _parsed(line: bytes) -> Made | None:
    try:
        content: Any = json.loads(line)
        settings, files, number = content["settings"], content["files"], content.get("number", 0)
        whole = content["format"] == FORMAT and all(map(_holds_texts, (settings, files))) and type(number) is int
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    # Names must not lead to another folder, because listed files may be deleted.
    if not (whole and all(map(_is_name, files))):
        return None
    return Made({_FORMER_NAMES.get(name, name): value for name, value in settings.items()}, files, number)


def _is_name(text: str) -> bool:
    """Whether a text is a plain file name that does not lead to another folder, because listed files may be deleted."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return Path(text).name == text != ".." and "\0" not in text


def _holds_texts(table: Any) -> bool:
    return isinstance(table, dict) and all(isinstance(text, str) for text in table.values())
