"""Two runs of a script must not write the same results: each claims its work before it begins.

Upstream scripts write where and what they like, so whole folders cannot be locked: runs that share a folder and work
on different pictures do each other no harm. A claim is a temporary folder (:mod:`zplus_plugins.system.files`) among the
results, which lists what its process works on, and is gone with it however it ends.
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
_PATIENCE = 10.0  # seconds: looking through a folder takes milliseconds


@contextlib.contextmanager
def claimed(folders: Iterable[Path], works: Collection[str]) -> Iterator[None]:
    """Claim works, such as pictures by their names, in folders of results; made if absent, taken away if empty.

    Raises:
        RequirementError: another process works on one of them there, or a folder cannot be written to.
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
        with contextlib.suppress(OSError):  # it holds results
            for place in absent:
                place.rmdir()


def _require_free(folder: Path, works: Collection[str]) -> None:
    for other in temporary_folders(folder):
        both = sorted(_listed(other).intersection(works))
        if both:
            more = f" and {len(both) - _MOST_NAMED} more" if len(both) > _MOST_NAMED else ""
            raise RequirementError(
                f"Another run (process {other.name.split('-')[1]}) works on {', '.join(both[:_MOST_NAMED])}{more}, "
                f"and writes to {folder}, too. Wait for it to end, or choose another output folder."
            )


def _listed(claim: Path) -> set[str]:
    try:
        return {name for name in json.loads((claim / _LIST).read_text()) if isinstance(name, str)}
    except (OSError, ValueError, TypeError, RecursionError):
        return set()  # a file that is being written, or a claim that has just ended


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two processes that begin at once look for each other one after the other."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        end = time.monotonic() + _PATIENCE
        with contextlib.suppress(Unlockable):
            while not try_lock(descriptor) and time.monotonic() < end:
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
