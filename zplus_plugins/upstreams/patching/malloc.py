"""Let glibc's allocator keep the memory that large CPU tensors give back, for ``--tune-malloc``.

By default every tensor above some megabytes is mapped when it is made and unmapped when it is freed, and the
kernel clears its pages each time: a fifth of a step at 1024 px. Kept memory is used again as it is.
"""

from __future__ import annotations

import ctypes
import functools
import sys

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams.patching.journal import Journal

# The parameters' numbers in glibc's malloc.h, what we set them to, and their defaults.
_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -4, -1, -2
_TUNED = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 256 * 2**20}
_DEFAULTS = {_MMAP_MAX: 65536, _TRIM_THRESHOLD: 128 * 2**10, _TOP_PAD: 128 * 2**10}

COST = "about 1 GB more memory at 1024 px"


def tune(journal: Journal) -> None:
    """Keep freed memory in this process until the journal closes.

    Afterwards glibc has its default thresholds again; those that it adapts by itself stay at them.

    Raises:
        UsageError: this is not Linux with glibc, or its allocator has been replaced by one that refuses.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc is None or not hasattr(libc, "gnu_get_libc_version"):
        raise UsageError(
            f"--tune-malloc sets glibc's allocator, which Linux has; this is {sys.platform} without glibc. "
            "Run without --tune-malloc."
        )
    journal.callback(functools.partial(_set, libc, _DEFAULTS))
    if not _set(libc, _TUNED):
        raise UsageError(
            "--tune-malloc: mallopt refused the setting; LD_PRELOAD may have put another allocator in glibc's "
            "place. Run without --tune-malloc."
        )


def _set(libc: ctypes.CDLL, values: dict[int, int]) -> bool:
    """Whether all values were taken: mallopt returns 1 for each that is."""
    return all(libc.mallopt(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in values.items())
