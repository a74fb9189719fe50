"""A folder of results, and the list of results in it.

No file is ever overwritten that this package did not create there. A hidden file in the folder, the list, records the
results by name and checksum, and the settings that produced them. A file that exists but is not listed, or was changed
since, belongs to the user, and is an error before any work is done. Listed results count as finished when the same
command runs again, so that an interrupted command continues; with other settings they are replaced only on request.

Results named after a user's file are called ``NAME.zplus.EXT``, so that they never have the name of the file itself.

Only one process at a time works in a folder, or several that are different shards.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.system.files import cannot_write, checksum, moved_to_free, temporary_folder, temporary_folders
from zplus_plugins.system.results.book import Made, OwnBook, Settings, everything_made, has_shards

MARK = ".zplus"
ALIGNED = "aligned to"
"""A setting of results that are images to be used as inputs."""

_RECORD = ".npz"


def result_name(name: str, suffix: str) -> str:
    """The name of a result named after a user's file: ``anna.zplus.png`` for ``anna`` and ``.png``."""
    return f"{name}{MARK}{suffix}"


class Results:
    """A folder of results, while this process works in it; see the module's docstring.

    Args:
        folder: created if it is absent, and removed again if it stays empty.
        overwrite: replace results that are finished, or were made with other settings.
        shard: the name of the shard that this process works on, such as ``2-of-8``; processes with different ones may
            work in the folder at the same time. None for a process that works there alone.
        named: what a user chooses for results with other names, for messages.
        place: what a user chooses to write to another folder, likewise.

    Raises, on entry:
        RequirementError: it cannot be written to.
        BusyError: another process is working in it.
    """

    def __init__(
        self,
        folder: Path,
        overwrite: bool = False,
        shard: str | None = None,
        named: str = "--out",
        place: str = "--out",
    ) -> None:
        self.folder, self._named, self._place = folder, named, place
        self._overwrite, self._shard = overwrite, shard
        self._made: dict[str, Made] = {}  # the latest, by the name of each file
        self._own: dict[str, set[str]] = {}  # checksums of all results ever made, by name
        self._new: set[str] = set()
        self._numbers: Iterator[int] = itertools.repeat(0)
        self._closing = contextlib.ExitStack()
        self._list: OwnBook

    def __enter__(self) -> Results:
        with self._closing:
            with self._explained():
                self._make_folder()
                self._list = self._closing.enter_context(OwnBook(self.folder, self._shard, self._place))
                temporary_folders(self.folder)  # removes those of killed processes
                self.refresh()
                self._list.drop_cut_off_line()
            self._closing = self._closing.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def refresh(self) -> None:
        """Read what other shards have made in the meantime.

        Raises:
            RequirementError: a list cannot be read.
        """
        with self._explained():
            listed = everything_made(self.folder, self._place)
            for made in listed:
                self._enter(made)
            if self._shard is not None or has_shards(self.folder):
                self._numbers = itertools.count(1 + max((made.number for made in listed), default=0))

    def made_with(self, name: str) -> Settings | None:
        """The settings with which a result was made, or begun; None if it is not there, or is not ours."""
        made = self._made.get(name)
        return made.settings if made is not None and self._exists(name) else None

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
            present = {name: found for name in wanted if (found := self._require_own(name))}
        if self._overwrite and not self._new.issuperset(wanted):
            return False
        for name in present:
            before = self._made[name].settings
            if dict(before) != dict(settings):
                raise UsageError(
                    f"{self.folder / name} was made with other settings: {differences(before, settings)}. "
                    f"Choose another {self._named}, or replace it with --overwrite."
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
            self._publish(Made(settings, {file.name: checksum(file) for file in files}, next(self._numbers)), files)

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
                f"{differences(others[0].settings, settings)}. Choose another {self._place}, or replace them "
                "with --overwrite."
            )

    def set_aside_damaged(self, name: str) -> Path | None:
        """Rename a result that has changed since it was made; returns the new name, or None if it is intact."""
        path = self.folder / name
        with self._explained():
            if name not in self._own or not path.is_file() or checksum(path) in self._own[name]:
                return None
            free = (path.with_name(f"{name}.damaged{'' if n == 1 else n}") for n in itertools.count(1))
            aside = next(place for place in free if not os.path.lexists(place))
            path.rename(aside)
            return aside

    def clear(self) -> None:
        """Delete all results that have not been changed since they were made."""
        self.discard(list(self._own))
        self._made.clear()

    def discard(self, names: Iterable[str]) -> None:
        """Delete these of the results, unless they have been changed since they were made."""
        with self._explained():
            for name in names:
                path = self.folder / name
                if path.is_file() and checksum(path) in self._own.get(name, ()):
                    path.unlink()
                    self._made.pop(name, None)

    def is_new(self, name: str) -> bool:
        """Whether this process has made a result."""
        return name in self._new

    def _publish(self, made: Made, files: list[Path]) -> None:
        for file in files:
            self._require_own(file.name)
        # The list comes first: if this process is killed in between, the next one recognises the files as ours.
        self._list.append(made)
        self._enter(made)
        for file in files:
            target = self.folder / file.name
            if target.exists():
                file.replace(target)
            else:
                _move_where_nothing_is(file, target, self._named)
        self._new.update(made.files)

    def _enter(self, made: Made) -> None:
        for name, sha256 in made.files.items():
            self._made[name] = made
            self._own.setdefault(name, set()).add(sha256)

    def _require_own(self, name: str) -> str | None:
        """The checksum of a file if it exists; raises UsageError unless it is ours."""
        path = self.folder / name
        if not self._exists(name):
            return None
        if path.is_file() and not path.is_symlink():
            found = checksum(path)
            if self._shard is not None and found not in self._own.get(name, ()):
                self.refresh()
            if found in self._own.get(name, ()):
                return found
        raise UsageError(
            f"{path} exists, but zplus did not create it there, or it was changed since. It is left as it is: choose "
            f"another {self._named}, or move it away."
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

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise cannot_write(self.folder, error) from None


def results_in(folder: Path, setting: str | None = None, with_aligned: bool = False) -> frozenset[Path]:
    """The files in a folder that this package created there, and that have not been changed since.

    Args:
        folder: the folder.
        setting: only those that were made with a setting of this name; None for all.
        with_aligned: whether aligned images are among them, which are made to be used as inputs.
    """
    unwanted = set() if with_aligned else {ALIGNED}
    try:
        entries = [one for one in everything_made(folder) if setting is None or setting in one.settings]
        counted = [one for one in entries if not unwanted & one.settings.keys()]
        made = [item for one in counted for item in one.files.items()]
        return frozenset(folder / name for name, own in made if _is_unchanged(folder / name, own))
    except (OSError, RequirementError):
        return frozenset()


def result_in(folder: Path, name: str) -> Path | None:
    """The file of this name in a folder if this package created it there, and it has not been changed since."""
    try:
        sums = {made.files[name] for made in everything_made(folder) if name in made.files}
        return folder / name if any(_is_unchanged(folder / name, one) for one in sums) else None
    except (OSError, RequirementError):
        return None


def differences(before: Settings, now: Settings) -> str:
    """A description of all differences between settings."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return "; ".join(f"{name} was {before.get(name, 'absent')}, is {now.get(name, 'absent')}" for name in names)


def _is_unchanged(path: Path, sha256: str) -> bool:
    return path.is_file() and checksum(path) == sha256


def _move_where_nothing_is(file: Path, target: Path, named: str) -> None:
    """Move a file, but not over one that has appeared in the meantime, as far as the file system can tell."""
    if not moved_to_free(file, target):
        raise UsageError(f"{target} has appeared in the meantime. It is left as it is: choose another {named}.")


def _drop_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # it contains results
        folder.rmdir()
