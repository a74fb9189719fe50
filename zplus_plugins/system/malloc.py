"""The memory allocator of this process, where that is glibc's.

By default, glibc maps every block of more than a few megabytes when it is allocated and unmaps it when it is freed, and
the kernel clears its pages each time. Memory that is kept is not cleared.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Mapping

# The parameters' numbers in glibc's malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, MMAP_MAX = -1, -2, -3, -4

_TRIM_VARIABLE = "MALLOC_TRIM_THRESHOLD_"
# What glibc's thresholds grow to by themselves when blocks of this size are freed, unless one of them was set.
_GROWN = {MMAP_THRESHOLD: 32 * 2**20, TRIM_THRESHOLD: 64 * 2**20}


@functools.cache
def _libc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if libc is not None and hasattr(libc, "gnu_get_libc_version") else None


def is_glibc() -> bool:
    """Whether the C library is glibc; LD_PRELOAD may still have replaced its allocator."""
    return _libc() is not None


def set_parameters(values: Mapping[int, int]) -> bool:
    """Set parameters of the allocator by number; whether all were accepted."""
    libc = _libc()
    return libc is not None and all(libc.mallopt(ctypes.c_int(k), ctypes.c_int(v)) == 1 for k, v in values.items())


def undo_early_trimming() -> None:
    """Let the allocator keep freed memory as it does by default, if the environment made it return small amounts.

    Dask starts its workers with a threshold of 64 kB, so that the memory of almost every tensor is returned at once;
    a step then takes more than twice as long.
    """
    threshold = os.environ.get(_TRIM_VARIABLE, "")
    if threshold.isdecimal() and int(threshold) < _GROWN[TRIM_THRESHOLD]:
        set_parameters(_GROWN)
