"""The folder of results, in which a server, its worker and other commands take turns."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from zplus_plugins.errors import UsageError
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


def free_name(results: Results, name: str, wanted: Mapping[str, Settings], but: Iterable[str] = ()) -> str:
    """The first of NAME, NAME.2, NAME.3, ... whose results are not there, or were made with just these settings.

    Args:
        results: the folder.
        name: the first name to try.
        wanted: settings of each result, by what follows the name in that of its file.
        but: names that something else of the same work has.
    """
    taken = frozenset(but)
    for candidate in (name if n == 1 else f"{name}.{n}" for n in count(1)):
        try:
            for suffix, settings in wanted.items():
                results.finished([candidate + suffix], settings)
        except UsageError:
            continue
        if candidate not in taken:
            return candidate
    raise AssertionError("There are more names than files.")
