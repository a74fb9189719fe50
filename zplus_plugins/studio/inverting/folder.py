"""The folder of results, in which a server, its worker and other commands take turns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from zplus_plugins.errors import UsageError
from zplus_plugins.spaces.spaces import Space
from zplus_plugins.system.results import BusyError, Results, Settings

PATIENCE = 10.0  # seconds
_AGAIN = 0.05  # seconds
_one_thread = threading.Lock()
_NAMED, _PLACE = "name", "--out"


@contextmanager
def working_in(out: Path, patience: float = PATIENCE) -> Iterator[Results]:
    """The folder of results, while nobody else writes there: a lock of as short a time as one result takes.

    Args:
        out: the folder.
        patience: seconds to wait for another process.

    Raises:
        BusyError: another process is still working there.
        RequirementError: it cannot be written to.
    """
    last = time.monotonic() + patience
    with _one_thread, ExitStack() as stack:
        while True:
            try:
                results = stack.enter_context(Results(out, named=_NAMED, place=_PLACE))
                break
            except BusyError:
                if time.monotonic() > last:
                    raise
            time.sleep(_AGAIN)
        yield results


def first_free(results: Results, wanted: Callable[[int], Mapping[str, Settings]]) -> int:
    """The first number, from 1, whose results are not there, or were made with just these settings.

    Args:
        results: the folder.
        wanted: the settings of each result by the name of its file, given the number.

    Raises:
        RequirementError: a name is not a valid file name here.
    """
    for n in count(1):
        try:
            for name, settings in wanted(n).items():
                results.finished([name], settings)
        except UsageError:
            continue
        return n
    raise AssertionError("There are more names than files.")


def numbered(name: str, n: int) -> str:
    """NAME, NAME.2, NAME.3, ..."""
    return name if n == 1 else f"{name}.{n}"


def dashed(space: Space) -> str:
    """A space in names of files: ``f-zplus``."""
    return space.name.replace("/", "-")
