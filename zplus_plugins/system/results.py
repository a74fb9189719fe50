"""A folder of results, and the book of what was made in it.

Nothing is ever written over a file that this package did not make there: a hidden file in the folder, the book, lists
what it made, by name and checksum, and with which settings. What exists and does not stand in it, or was changed since,
is somebody's own, and an error before work is spent. What stands in it is taken as done where the same is asked for
again, so that a command that was interrupted goes on; with other settings it is made anew only where that is wanted.

Results that are named after a user's file are called ``NAME.zplus.EXT``: beside the file itself they cannot have
its name.

One process at a time works in a folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.system.files import cannot_write, temporary_folder, temporary_folders
from zplus_plugins.system.locks import Unlockable, is_still, try_lock

BOOK = ".zplus-results.jsonl"
MARK = ".zplus"
FORMAT = 1
_MOST_NAMED = 4
_RECORD = ".npz"
_FORMER_NAMES = {"setting rate": "setting lr", "setting f_rate": "setting f_lr"}  # of settings in older books

Settings = Mapping[str, str]


def result_name(name: str, suffix: str) -> str:
    """What a result that is named after a user's file is called: ``anna``, ``.png``: ``anna.zplus.png``."""
    return f"{name}{MARK}{suffix}"


@dataclass(frozen=True)
class _Made:
    """Files that appear together: with which settings they were made, and their checksums by their names."""

    settings: Settings
    files: Mapping[str, str]


class Results:
    """A folder of results, while this process works in it; see the module.

    Args:
        folder: made if it is absent, and taken away again if nothing came of it.
        overwrite: make results anew whose settings differ, or that are finished.

    Raises, as it is entered:
        RequirementError: it cannot be written to, or another process works in it.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        self.folder = folder
        self._overwrite = overwrite
        self._made: dict[str, _Made] = {}  # the latest, by each of their files' names
        self._own: dict[str, set[str]] = {}  # checksums of all that was ever made, by name
        self._new: set[str] = set()
        self._closing = contextlib.ExitStack()
        self._book: IO[bytes]

    def __enter__(self) -> Results:
        with self._closing:
            with self._explained():
                self._make_folder()
                self._book = self._closing.enter_context(_locked_book(self.folder))
                self._closing.callback(self._drop_empty_book)
                temporary_folders(self.folder)  # those of processes that were killed are taken away
                for made in _read(self._book, self.folder):
                    self._enter(made)
                _drop_cut_off_line(self._book)
            self._closing = self._closing.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def finished(self, names: Iterable[str], settings: Settings) -> bool:
        """Whether results are there already, all of them, made with these settings.

        Args:
            names: of their files.
            settings: on which they depend, as short texts by name.

        Returns:
            False if some are absent, or are to be made anew.

        Raises:
            UsageError: one of these files is not ours, or was made with other settings and is not to be made anew.
            RequirementError: a name cannot be one of a file here.
        """
        wanted = list(names)
        with self._explained():
            present = {name: checksum for name in wanted if (checksum := self._require_own(name))}
        if self._overwrite and not self._new.issuperset(wanted):
            return False
        for name in present:
            before = self._made[name].settings
            if dict(before) != dict(settings):
                raise UsageError(
                    f"{self.folder / name} was made with other settings: {differences(before, settings)}. "
                    "Choose another --out, or make it anew with --overwrite."
                )
        # A process that was killed may have left some of earlier files.
        return all(name in present and present[name] == self._made[name].files[name] for name in wanted)

    @contextlib.contextmanager
    def writing(self, settings: Settings) -> Iterator[Path]:
        """A temporary folder whose files all become results if all goes well, records last.

        Raises:
            RequirementError: the folder cannot be written to, or the disk is full.
            UsageError: somebody has put a file of such a name there meanwhile.
        """
        with self._explained(), temporary_folder(self.folder) as place:
            yield place
            files = sorted(place.iterdir(), key=lambda file: (file.suffix == _RECORD, file.name))
            self._publish(_Made(settings, {file.name: _checksum(file) for file in files}), files)

    def require_settings(self, settings: Settings) -> None:
        """See to it that all that is there was made with these settings.

        Raises:
            UsageError: something was made with others.
        """
        with self._explained():
            others = [m for name, m in self._made.items() if dict(m.settings) != dict(settings) and self._exists(name)]
        if others:
            raise UsageError(
                f"{self.folder} holds results that were made with other settings: "
                f"{differences(others[0].settings, settings)}. Choose another --out, or start anew there with "
                "--overwrite."
            )

    def set_aside_damaged(self, name: str) -> Path | None:
        """Give a file that was made here, and is not as it was made, another name; that name, if there is need."""
        path = self.folder / name
        with self._explained():
            if name not in self._own or not path.is_file() or _checksum(path) in self._own[name]:
                return None
            free = (path.with_name(f"{name}.damaged{'' if n == 1 else n}") for n in itertools.count(1))
            aside = next(place for place in free if not os.path.lexists(place))
            path.rename(aside)
            return aside

    def clear(self) -> None:
        """Take away what was made here, as far as nobody has changed it since."""
        with self._explained():
            for name, checksums in self._own.items():
                path = self.folder / name
                if path.is_file() and _checksum(path) in checksums:
                    path.unlink()
        self._made.clear()

    def _publish(self, made: _Made, files: list[Path]) -> None:
        for file in files:
            self._require_own(file.name)
        # First what will be there: should this process be killed in between, the next one knows the files as ours.
        line = {"format": FORMAT, "settings": dict(made.settings), "files": dict(made.files)}
        self._append(json.dumps(line).encode() + b"\n")
        self._enter(made)
        for file in files:
            target = self.folder / file.name
            if target.exists():
                file.replace(target)
            else:
                _move_where_nothing_is(file, target)
        self._new.update(made.files)

    def _enter(self, made: _Made) -> None:
        for name, checksum in made.files.items():
            self._made[name] = made
            self._own.setdefault(name, set()).add(checksum)

    def _append(self, line: bytes) -> None:
        """Write a line to the book, whole or not at all."""
        size = os.fstat(self._book.fileno()).st_size
        try:
            self._book.write(line)
            self._book.flush()
        except OSError:
            os.ftruncate(self._book.fileno(), size)
            raise

    def _require_own(self, name: str) -> str | None:
        """A file's checksum, if it is there; it must be ours then."""
        path = self.folder / name
        if not self._exists(name):
            return None
        if path.is_file() and not path.is_symlink() and (checksum := _checksum(path)) in self._own.get(name, ()):
            return checksum
        raise UsageError(
            f"{path} exists, and was not made here by zplus, or was changed since. It is left as it is: choose another "
            "--out, or move it away."
        )

    def _exists(self, name: str) -> bool:
        try:
            (self.folder / name).lstat()
        except FileNotFoundError:
            return False
        return True  # any other error is one of the name, such as its length

    def _make_folder(self) -> None:
        absent = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        for folder in reversed(absent):
            self._closing.callback(_drop_empty, folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def _drop_empty_book(self) -> None:
        if os.fstat(self._book.fileno()).st_size == 0:
            (self.folder / BOOK).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(self.folder, error) from None


def results_in(folder: Path) -> frozenset[Path]:
    """The files in a folder that this package made there, as far as nobody has changed them since."""
    try:
        with (folder / BOOK).open("rb") as book:
            made = [item for one in _read(book, folder) for item in one.files.items()]
        return frozenset(folder / name for name, own in made if _is_unchanged(folder / name, own))
    except (OSError, RequirementError):
        return frozenset()


def differences(before: Settings, now: Settings) -> str:
    """What differs between settings, in words; the first few."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    texts = [f"{name} was {before.get(name, 'absent')}, is {now.get(name, 'absent')}" for name in names[:_MOST_NAMED]]
    more = len(names) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


@contextlib.contextmanager
def _locked_book(folder: Path) -> Iterator[IO[bytes]]:
    """The folder's book, which no other process has, wherever there are locks."""
    path = folder / BOOK
    while True:
        # No link is followed: it could lead to a file of somebody's.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)
        with os.fdopen(descriptor, "r+b") as book:
            try:
                if not try_lock(descriptor):
                    raise RequirementError(
                        f"Another process of zplus writes its results to {folder}. Wait for it to end, or choose "
                        "another --out."
                    )
                if not is_still(path, descriptor):
                    continue  # its owner has found it empty in the end, and taken it away
            except Unlockable:
                pass
            yield book
            return


def _read(book: IO[bytes], folder: Path) -> Iterator[_Made]:
    """What a book lists, the oldest first. A line that is cut off, by a process that was killed, is left out."""
    for number, line in enumerate(book):
        parsed = _parsed(line)
        if parsed is not None:
            yield parsed
        elif number == 0 and line.endswith(b"\n"):
            raise RequirementError(
                f"{folder / BOOK} is not the list of results that zplus keeps in a folder, or belongs to a later "
                "version. Choose another --out."
            )


def _drop_cut_off_line(book: IO[bytes]) -> None:
    """The next line must not go on where a process was killed in the middle of one."""
    book.seek(0)
    whole = sum(len(line) for line in book if line.endswith(b"\n"))
    book.truncate(whole)


def _parsed(line: bytes) -> _Made | None:
    try:
        content: Any = json.loads(line)
        settings, files = content["settings"], content["files"]
        whole = content["format"] == FORMAT and all(map(_holds_texts, (settings, files)))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    # Names lead to no other folder: what stands in the book may be deleted.
    if not (whole and all(map(_is_name, files))):
        return None
    return _Made({_FORMER_NAMES.get(name, name): value for name, value in settings.items()}, files)


def _is_name(text: str) -> bool:
    """Whether a text is the name of a file, and leads to no other folder: what the book lists may be deleted."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return Path(text).name == text != ".." and "\0" not in text


def _holds_texts(table: Any) -> bool:
    return isinstance(table, dict) and all(isinstance(text, str) for text in table.values())


def _is_unchanged(path: Path, checksum: str) -> bool:
    return path.is_file() and _checksum(path) == checksum


def _checksum(file: Path) -> str:
    state = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(2**20):
            state.update(chunk)
    return state.hexdigest()


def _move_where_nothing_is(file: Path, target: Path) -> None:
    """Move a file, but never over one that has appeared meanwhile, as far as the file system can tell."""
    try:
        os.link(file, target)
    except FileExistsError:
        raise UsageError(f"{target} has appeared meanwhile, and is left as it is. Choose another --out.") from None
    except OSError:  # a file system without links
        file.replace(target)
    else:
        file.unlink()


def _drop_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it holds results
        folder.rmdir()
