"""NumPy numbers and arrays in pickles.

NumPy's own functions would follow the pointers in the bytes of an object array, and allocate arrays of any size. These
create only numeric arrays, from bytes that the file really contains.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from zplus_plugins.untrusted.interpreter import Function
from zplus_plugins.untrusted.problems import DamagedError

_PLAIN = re.compile(r"[biufc]\d{1,2}|\?")
_MOST_AXES = 32
_STATE = (None, None, None, -1, -1, 0)  # no subarray, names or fields; default size and alignment, no flags


def names() -> dict[str, Any]:
    """Entries for a vocabulary, under the names of numpy 1 and 2."""
    functions = {"scalar": Function(scalar), "_reconstruct": Function(_reconstruct)}
    moved = ("numpy.core.multiarray", "numpy._core.multiarray")
    return {
        **{f"{module}.{name}": function for module in moved for name, function in functions.items()},
        "numpy.dtype": Function(dtype),
        "numpy.ndarray": np.ndarray,
    }


def dtype(code: Any, align: Any = False, copy: Any = True) -> np.dtype[Any]:
    """A copy of a numeric dtype, whose byte order :func:`set_dtype` sets."""
    if not isinstance(code, str) or not _PLAIN.fullmatch(code):
        raise DamagedError("a dtype that is not numeric")
    return np.dtype(code, False, True)


def set_dtype(target: Any, state: Any) -> None:
    """Set the byte order of a dtype; its state may contain nothing else."""
    if not isinstance(state, tuple) or len(state) != 8 or state[0] != 3 or state[1] not in ("<", ">", "=", "|"):
        raise DamagedError("an invalid state of a dtype")
    if state[2:] != _STATE:
        raise DamagedError("an invalid state of a dtype")
    target.__setstate__((3, state[1], *_STATE))


def _checked(kind: Any) -> np.dtype[Any]:
    if not isinstance(kind, np.dtype) or kind.kind not in "biufc":
        raise DamagedError("a dtype that is not numeric")
    return kind


def scalar(kind: Any, data: Any) -> Any:
    """A NumPy number."""
    if not isinstance(data, bytes) or len(data) != _checked(kind).itemsize:
        raise DamagedError("a number whose bytes do not match its dtype")
    return np.frombuffer(data, kind)[0]


def _reconstruct(kind: Any, shape: Any, code: Any) -> np.ndarray[Any, Any]:
    """An empty array, which :func:`set_array` fills."""
    if kind is not np.ndarray or shape != (0,) or code not in (b"b", "b"):
        raise DamagedError("an array of an unsupported class")
    empty: np.ndarray[Any, Any] = np.ndarray((0,), "b")
    return empty


def set_array(target: Any, state: Any) -> None:
    """Set the shape and content of an array."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise DamagedError("an invalid state of an array")
    version, shape, kind, fortran, data = state
    if version != 1 or not isinstance(data, bytes):
        raise DamagedError("an invalid state of an array")
    _require_whole(shape, _checked(kind), data)
    target.__setstate__((1, shape, kind, bool(fortran), data))


def view(data: Any, kind: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
    """An array that shares a writable buffer of bytes, without copying them.

    Args:
        order: ``C`` or ``F``.
    """
    if not isinstance(data, bytearray):
        raise DamagedError("an array whose data are not bytes")
    _require_whole(shape, _checked(kind), data)
    numbers: np.ndarray[Any, Any] = np.frombuffer(data, kind).reshape(shape, order=order)
    return numbers


def _require_whole(shape: Any, kind: np.dtype[Any], data: bytes | bytearray) -> None:
    """Raise DamagedError unless the bytes are as many as an array of that shape needs."""
    if not isinstance(shape, tuple) or len(shape) > _MOST_AXES:
        raise DamagedError("an invalid state of an array")
    if not all(type(length) is int and 0 <= length < 2**63 for length in shape):
        raise DamagedError("an array of an impossible shape")
    if math.prod(shape) * kind.itemsize != len(data):
        raise DamagedError("an array whose shape does not match its bytes")
