"""Arrays in the files of ``numpy.save``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zplus_plugins.untrusted.problems import DamagedError, reason_of


def load(path: Path) -> np.ndarray[Any, Any]:
    """The array in a ``.npy`` file, of numbers, which must all be there.

    Raises:
        DamagedError: it is truncated, damaged or no such file; the message says in which way.
        OSError: it cannot be opened or read.
    """
    return np.array(mapped(path))


def mapped(path: Path) -> np.memmap[Any, Any]:
    """The same without reading its numbers; mapping it tells whether the file is as large as it claims.

    Raises:
        DamagedError, OSError: as :func:`load`.
    """
    try:
        array: np.memmap[Any, Any] = np.lib.format.open_memmap(path, mode="r")
        if array.dtype.kind not in "biufc":
            raise DamagedError(f"it holds {array.dtype}, no numbers")
        return array
    except OSError:
        raise
    except Exception as error:  # numpy parses what the file says as Python
        raise DamagedError(reason_of(error)) from error
