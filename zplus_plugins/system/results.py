"""A folder of results, and the list of results in it.

No file is ever overwritten that this package did not create there. A hidden file in the folder, the list, records the
results by name and checksum, and the settings that produced them. A file that exists but is not listed, or was changed
since, belongs to the user, and is an error before any work is done. Listed results count as finished when the same
command runs again, so that an interrupted command continues; with other settings they are replaced only on request.

Results named after a user's file are called ``NAME.zplus.EXT``, so that they never have the name of the file itself.

Only one process at a time works in a folder.
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
    """The name of a result named after a user's file: ``anna.zplus.png`` for ``anna`` and ``.png``."""
    return f"{name}{MARK}{suffix}"


@dataclass(frozen=True)
class _Made:
    """Files that were published together: the settings that produced them, and their checksums by name."""

    settings: Settings
    files: Mapping[str, str]


class Results:
    """A folder of results, while this process works in it; see the module's docstring.

    Args:
        folder: created if it is absent, and removed again if it stays empty.
        overwrite: replace results that are finished, or were made with other settings.

    Raises, on entry:
        RequirementError: it cannot be written to, or another process is working in it.
    """

    def __init__(self, folder: Path, overwrite: bool = False) -> None:
        self.folder = folder
        self._overwrite = overwrite
        self._made: dict[str, _Made] = {}  # the latest, by the name of each file
        self._own: dict[str, set[str]] = {}  # checksums of all results ever made, by name
        self._new: set[str] = set()
        self._closing = contextlib.ExitStack()
        self._list: IO[bytes]

    def __enter__(self) -> Results:
        with self._closing:
            with self._explained():
                self._make_folder()
                self._list = self._closing.enter_context(_locked_list(self.folder))
                self._closing.callback(self._drop_empty_list)
                temporary_folders(self.folder)  # removes those of killed processes
                for made in _read(self._list, self.folder):
                    self._enter(made)
                _drop_cut_off_line(self._list)
            self._closing = self._closing.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def finished(self, names: Iterable[str], settings: Settings) -> bool:
        """Whether all of these results already exist, made with these settings.

        Args:
            names: the names of their files.
            settings: those on which they depend, as short texts by name.

        Returns:
            False if some are absent, or are to be replaced.

        Raises:
            UsageError: one of these files is not ours, or was made with other settings and is not to be replaced.
            RequirementError: a name is not a valid file name here.
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
                    "Choose another --out, or replace it with --overwrite."
                )
        # A killed process may have replaced only some of the earlier files.
        return all(name in present and present[name] == self._made[name].files[name] for name in wanted)

    @contextlib.contextmanager
    def writing(self, settings: Settings) -> Iterator[Path]:
        """A temporary folder whose files all become results if the block succeeds, records last.

        Raises:
            RequirementError: the folder cannot be written to, or the disk is full.
            UsageError: a file with one of these names has appeared in the meantime.
        """
        with self._explained(), temporary_folder(self.folder) as place:
            yield place
            files = sorted(place.iterdir(), key=lambda file: (file.suffix == _RECORD, file.name))
            self._publish(_Made(settings, {file.name: _checksum(file) for file in files}), files)

    def require_settings(self, settings: Settings) -> None:
        """Require that all existing results were made with these settings.

        Raises:
            UsageError: some were made with others.
        """
        with self._explained():
            others = [m for name, m in self._made.items() if dict(m.settings) != dict(settings) and self._exists(name)]
        if others:
            raise UsageError(
                f"{self.folder} contains results that were made with other settings: "
                f"{differences(others[0].settings, settings)}. Choose another --out, or replace them with "
                "--overwrite."
            )

    def set_aside_damaged(self, name: str) -> Path | None:
        """Rename a result that has changed since it was made; returns the new name, or None if it is intact."""
        path = self.folder / name
        with self._explained():
            if name not in self._own or not path.is_file() or _checksum(path) in self._own[name]:
                return None
            free = (path.with_name(f"{name}.damaged{'' if n == 1 else n}") for n in itertools.count(1))
            aside = next(place for place in free if not os.path.lexists(place))
            path.rename(aside)
            return aside

    def clear(self) -> None:
        """Delete all results that have not been changed since they were made."""
        with self._explained():
            for name, checksums in self._own.items():
                path = self.folder / name
                if path.is_file() and _checksum(path) in checksums:
                    path.unlink()
        self._made.clear()

    def _publish(self, made: _Made, files: list[Path]) -> None:
        for file in files:
            self._require_own(file.name)
        # The list comes first: if this process is killed in between, the next one recognises the files as ours.
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
        """Append a line to the list, whole or not at all."""
        size = os.fstat(self._list.fileno()).st_size
        try:
            self._list.write(line)
            self._list.flush()
        except OSError:
            os.ftruncate(self._list.fileno(), size)
            raise

    def _require_own(self, name: str) -> str | None:
        """The checksum of a file if it exists; raises UsageError unless it is ours."""
        path = self.folder / name
        if not self._exists(name):
            return None
        if path.is_file() and not path.is_symlink() and (checksum := _checksum(path)) in self._own.get(name, ()):
            return checksum
        raise UsageError(
            f"{path} exists, but zplus did not create it there, or it was changed since. It is left as it is: choose "
            "another --out, or move it away."
        )

    def _exists(self, name: str) -> bool:
        try:
            (self.folder / name).lstat()
        except FileNotFoundError:
            return False
        return True  # any other error concerns the name, such as its length

    def _make_folder(self) -> None:
        absent = [folder for folder in (self.folder, *self.folder.parents) if not folder.exists()]
        for folder in reversed(absent):
            self._closing.callback(_drop_empty, folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def _drop_empty_list(self) -> None:
        if os.fstat(self._list.fileno()).st_size == 0:
            (self.folder / BOOK).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(self.folder, error) from None


def results_in(folder: Path) -> frozenset[Path]:
    """The files in a folder that this package created there, and that have not been changed since."""
    try:
        with (folder / BOOK).open("rb") as book:
            made = [item for one in _read(book, folder) for item in one.files.items()]
        return frozenset(folder / name for name, own in made if _is_unchanged(folder / name, own))
    except (OSError, RequirementError):
        return frozenset()


def differences(before: Settings, now: Settings) -> str:
    """A description of the first few differences between settings."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    texts = [f"{name} was {before.get(name, 'absent')}, is {now.get(name, 'absent')}" for name in names[:_MOST_NAMED]]
    more = len(names) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


@contextlib.contextmanager
def _locked_list(folder: Path) -> Iterator[IO[bytes]]:
    """The folder's list, opened for this process alone where locks are supported."""
    path = folder / BOOK
    while True:
        # Do not follow a link: it could lead to a file of the user's.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)
        with os.fdopen(descriptor, "r+b") as book:
            try:
                if not try_lock(descriptor):
                    raise RequirementError(
                        f"Another zplus process is writing results to {folder}. Wait for it to end, or choose "
                        "another --out."
                    )
                if not is_still(path, descriptor):
                    continue  # its owner found it empty at the end, and removed it
            except Unlockable:
                pass
            yield book
            return


def _read(book: IO[bytes], folder: Path) -> Iterator[_Made]:
    """The entries of a list, oldest first. A line cut off because its process was killed is skipped."""
    for number, line in enumerate(book):
        parsed = _parsed(line)
        if parsed is not None:
            yield parsed
        elif number == 0 and line.endswith(b"\n"):
            raise RequirementError(
                f"{folder / BOOK} is not a list of results of zplus, or belongs to a later version. "
                "Choose another --out."
            )


def _drop_cut_off_line(book: IO[bytes]) -> None:
    """Remove a line that a killed process left incomplete, so that the next one is not appended to it."""
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
    # Names must not lead to another folder, because listed files may be deleted.
    if not (whole and all(map(_is_name, files))):
        return None
    return _Made({_FORMER_NAMES.get(name, name): value for name, value in settings.items()}, files)


def _is_name(text: str) -> bool:
    """Whether a text is a plain file name that does not lead to another folder, because listed files may be deleted."""
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
    """Move a file, but not over one that has appeared in the meantime, as far as the file system can tell."""
    try:
        os.link(file, target)
    except FileExistsError:
        raise UsageError(f"{target} has appeared in the meantime. It is left as it is: choose another --out.") from None
    except OSError:  # a file system without links
        file.replace(target)
    else:
        file.unlink()


def _drop_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it contains results
        folder.rmdir()
