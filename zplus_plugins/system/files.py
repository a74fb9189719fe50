"""Files that appear whole or not at all.

A file is written in a temporary folder beside its target, and renamed when it is complete. A process locks its
temporary folders, so that the next process to write there can tell which of them are abandoned, and removes those:
however a process ends, its temporary files are eventually removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from zplus_plugins.errors import RequirementError
from zplus_plugins.system.locks import Unlockable, is_still, try_lock

_TEMPORARY = re.compile(r"\.unfinished-(\d+)-[0-9a-f]{8}(?:-([0-9a-f]{8}))?")  # process, chance, machine
_cleared: set[tuple[int, Path]] = set()  # with the process id, because forked processes inherit this set


@contextlib.contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """A temporary path that replaces ``target`` if the block succeeds.

    It has the name of the target, because some formats, such as ``torch.save``'s, store it.

    Raises:
        RequirementError: the folder cannot be written to, or the disk is full.
    """
    try:
        with temporary_folder(target.parent) as folder:
            yield folder / target.name
            (folder / target.name).replace(target)
    except OSError as error:
        raise cannot_write(target, error) from None


def write_whole(target: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with whole_file(target) as unfinished:
        unfinished.write_bytes(content)


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A folder in ``parent`` that is removed at the end, or, if this process is killed, by the next one to write there.

    Raises:
        OSError: the parent cannot be written to.
    """
    _clear_once(parent)
    place, lock = parent, None
    try:
        while lock is None:  # until we have locked it, another process may remove the folder as abandoned
            place = parent / f".unfinished-{os.getpid()}-{secrets.token_hex(4)}-{_machine()}"
            place.mkdir()
            lock = _locked(place)
        yield place
    finally:
        if place != parent:
            shutil.rmtree(place, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def temporary_folders(parent: Path) -> list[Path]:
    """The temporary folders of running processes in ``parent``; abandoned ones are removed.

    Raises:
        OSError: the parent cannot be read.
    """
    with os.scandir(parent) as entries:
        found = [Path(e.path) for e in entries if _TEMPORARY.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
    return [place for place in found if not _removed(place)]


def moved_to_free(file: Path, target: Path) -> bool:
    """Move a file to a name in the same file system, unless something has that name; whether it was moved.

    Where the file system has no links, something that appears at the same moment is replaced.

    Raises:
        OSError: it cannot be moved.
    """
    try:
        os.link(file, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if os.path.lexists(target):
            return False
        file.replace(target)
    else:
        file.unlink()
    return True


def checksum(file: Path) -> str:
    """The sha256 of a file, which is read in pieces, as 64 hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    state = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(2**20):
            state.update(chunk)
    return state.hexdigest()


def cannot_write(target: Path, error: OSError) -> RequirementError:
    """The error to raise when a file or folder cannot be written to."""
    name = str(target) if len(str(target)) <= 200 else f"{str(target)[:200]}..."
    return RequirementError(
        f"Cannot write to {name}: {error.strerror or error}. Free some space or choose another output folder."
    )


def _clear_once(parent: Path) -> None:
    """Remove abandoned folders once per process: scanning a folder of many results before every write is slow."""
    key = (os.getpid(), parent.absolute())
    if key not in _cleared:
        temporary_folders(parent)
        _cleared.add(key)


def _locked(place: Path) -> int | None:
    """The open folder, locked where locks are supported; None if another process has already removed it."""
    try:
        descriptor = os.open(place, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if try_lock(descriptor) and is_still(place, descriptor):
            return descriptor
    except Unlockable:
        return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _removed(place: Path) -> bool:
    """Remove a temporary folder unless its process is running; whether it is gone."""
    try:
        descriptor = os.open(place, os.O_RDONLY)
    except OSError:
        return not place.exists()
    try:
        if not try_lock(descriptor):
            return False
    except Unlockable:
        if _may_run(place.name):
            return False
    try:
        shutil.rmtree(place, ignore_errors=True)
        return True
    finally:
        os.close(descriptor)


def _may_run(name: str) -> bool:
    """Whether the process of a temporary folder may be running, on this machine or another one that writes here."""
    found = _TEMPORARY.fullmatch(name)
    return found is None or found[2] not in (None, _machine()) or _runs(int(found[1]))


def _machine() -> str:
    return hashlib.sha256(os.fsencode(platform.node())).hexdigest()[:8]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
