"""A cache of compiled objects: each is built once, appears whole or not at all, and is checked when it is used.

An entry is a folder with the object, its log, and a marker with the object's checksum. It is built in a temporary
folder beside it, under a lock, and then renamed; a killed builder leaves nothing behind that would block the next.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from zplus_plugins.errors import OpsError

VARIABLE = "ZPLUS_CACHE_DIR"
LOCK_SECONDS = 300.0
_log = logging.getLogger("zplus_plugins")
_MARKER = "ok"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}


def folder() -> Path:
    """The cache: ``ZPLUS_CACHE_DIR``, else zplus-plugins in the platform's cache folder."""
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]).expanduser().absolute()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "zplus-plugins"


def digest(*parts: str | bytes) -> str:
    """A key of 32 hexadecimal digits for these parts, in order."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()[:32]


class DigestInPieces:
    """:func:`digest` of one part whose bytes come one piece after the other.

    Args:
        size: the number of all bytes.
    """

    def __init__(self, size: int) -> None:
        self._state = hashlib.sha256(size.to_bytes(8, "little"))

    def update(self, piece: bytes) -> None:
        """The next bytes."""
        self._state.update(piece)

    def digest(self) -> str:
        """The key."""
        return self._state.hexdigest()[:32]


def look_up(entry: Path, name: str) -> Path | None:
    """The object ``name`` of an entry if it exists and matches its checksum."""
    file = entry / name
    try:
        intact = (entry / _MARKER).read_text() == _checksum(file)
    except (OSError, UnicodeDecodeError):
        return None
    return file if intact else None


def obtain(entry: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The object ``name`` of an entry; if it is absent or damaged, ``make(folder)`` creates it in that folder.

    Of several processes, one creates it while the others wait.

    Raises:
        OpsError: the cache cannot be written, or stays locked; or raised by ``make``.
    """
    found = look_up(entry, name)
    if found is not None:
        return found
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with _locked(entry.with_name(f".{entry.name}.lock")):
            return look_up(entry, name) or _install(entry, name, make)
    except OSError as error:
        raise OpsError(
            f"The cache {folder()} cannot be written: {error.strerror or error}. "
            f"Set {VARIABLE} to a writable folder with free space."
        ) from error


def _install(entry: Path, name: str, make: Callable[[Path], None]) -> Path:
    for left in entry.parent.glob(f".{entry.name}.tmp*"):  # left by a builder that was killed
        shutil.rmtree(left, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=f".{entry.name}.tmp", dir=entry.parent))
    try:
        make(place)
        (place / _MARKER).write_text(_checksum(place / name))
        if entry.exists():
            entry.rename(place / "damaged")
        place.rename(entry)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(entry / "damaged", ignore_errors=True)
    return entry / name


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file lock, which the system releases when the process ends, however it ends."""
    if sys.platform == "win32":
        yield  # renaming alone keeps entries whole; two builders at most do the work twice
        return
    import fcntl

    with path.open("w") as file:
        end, reported = time.monotonic() + LOCK_SECONDS, False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise OpsError(
                        f"Another process has held {path} for {LOCK_SECONDS:.0f} s. End it, or set {VARIABLE} to "
                        "another folder, on a local disk."
                    ) from None
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                break  # a file system without locks: as above
            if not reported and time.monotonic() > end - LOCK_SECONDS + 2:
                _log.info("waiting for another process that is building the operations.")
                reported = True
            time.sleep(0.02)
        yield


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
