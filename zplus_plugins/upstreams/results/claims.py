"""Claims, which keep two runs from writing the same results: each run claims its images before it starts.

Locking whole folders would be too strict: runs that share an output folder but work on different images do not disturb
each other. A claim is a temporary folder (:mod:`zplus_plugins.system.files`) among the results. It lists what its
process is working on, and goes away with the process, however that ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from zplus_plugins.errors import RequirementError
from zplus_plugins.system.files import cannot_write, temporary_folder, temporary_folders
from zplus_plugins.system.locks import Unlockable, try_lock

_LIST = "claimed.json"
_MOST_NAMED = 3
_PATIENCE = 10.0  # seconds; whoever has the lock only looks through the folder, which takes milliseconds


@contextlib.contextmanager
def claimed(folders: Iterable[Path], works: Collection[str]) -> Iterator[None]:
    """Claim works, such as images by their names, in output folders.

    Folders that do not exist are created, and removed at the end if they are empty.

    Raises:
        RequirementError: another process is working on one of the works there, or a folder cannot be written to.
    """
    with contextlib.ExitStack() as claims:
        for folder in dict.fromkeys(folder.absolute() for folder in folders):
            try:
                claims.enter_context(_claim(folder, works))
            except OSError as error:
                raise cannot_write(folder, error) from None
        yield


@contextlib.contextmanager
def _claim(folder: Path, works: Collection[str]) -> Iterator[None]:
    absent = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.ExitStack() as claim:
            with _alone(folder):
                _require_free(folder, works)
                place = claim.enter_context(temporary_folder(folder))
                (place / _LIST).write_text(json.dumps(sorted(works)))
            yield
    finally:
        with contextlib.suppress(OSError):  # not empty: it contains results
            for place in absent:
                place.rmdir()


def _require_free(folder: Path, works: Collection[str]) -> None:
    for other in temporary_folders(folder):
        both = sorted(_listed(other).intersection(works))
        if both:
            more = f" and {len(both) - _MOST_NAMED} more" if len(both) > _MOST_NAMED else ""
            raise RequirementError(
                f"Another run (process {other.name.split('-')[1]}) is working on {', '.join(both[:_MOST_NAMED])}{more} "
                f"and also writes to {folder}. Wait for it to end, or choose another output folder."
            )


def _listed(claim: Path) -> set[str]:
    try:
        return {name for name in json.loads((claim / _LIST).read_text()) if isinstance(name, str)}
    except (OSError, ValueError, TypeError, RecursionError):
        return set()  # the file is being written, or the claim has just ended


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lock the folder, so that two processes that start at the same time look for each other's claims in turn."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + _PATIENCE
        with contextlib.suppress(Unlockable):
            while not try_lock(descriptor) and time.monotonic() < end:
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
