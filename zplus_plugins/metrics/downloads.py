"""Weights of other people that a metric downloads once: the metric, or what to do; never another metric instead."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from zplus_plugins.adapter import NeededFile
from zplus_plugins.errors import DownloadError


@contextlib.contextmanager
def downloading(file: NeededFile) -> Iterator[None]:
    """While it lasts, a library loads ``file``, which it downloads if it is not there.

    Raises:
        DownloadError: that failed; says where the file comes from, and where it belongs.
    """
    try:
        yield
    except Exception as error:  # what a library does with a damaged file, nobody knows
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        state = "is damaged" if file.path.exists() else "is missing and cannot be downloaded"
        raise DownloadError(
            f"The {file.what} {file.path} {state} ({reason.rstrip('.')}). Download {file.source} on a machine with a "
            "network, and put it there."
        ) from None
