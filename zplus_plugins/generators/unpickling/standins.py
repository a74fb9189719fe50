"""Stand-ins for objects of upstream classes: their data without their code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zplus_plugins.untrusted import DamagedError, arrays
from zplus_plugins.untrusted.interpreter import Function


@dataclass(frozen=True)
class Record:
    """An object of a network class.

    Attributes:
        name: the class.
        state: the object's attributes; a ``torch.nn.Module`` has ``_parameters``, ``_buffers`` and ``_modules``.
    """

    name: str
    state: dict[str, Any] = field(repr=False)


class Restored:
    """An object whose attributes the pickle sets after it has been created.

    Attributes:
        state: the attributes; None until they are set.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: dict[Any, Any] | None = None


class Module(Restored):
    """A network that was saved as an object of ``torch.nn.Module``, or a part of one."""

    __slots__ = ()


class TensorFlowNetwork(Restored):
    """A network of the TensorFlow version of StyleGAN."""

    __slots__ = ()


class Opaque:
    """A harmless value that is not needed: a trainer's options, a device, a numpy array of strings."""

    __slots__ = ()


class Array(Opaque):
    """A numpy number or array.

    Attributes:
        numbers: its content; None until the pickle sets it, or if it is not numeric or not in native byte order.
    """

    __slots__ = ("numbers",)

    def __init__(self, numbers: np.ndarray[Any, Any] | None = None) -> None:
        self.numbers = numbers


def names() -> dict[str, Any]:
    """The functions that create arrays in a pickle, under the names of numpy 1 and 2."""
    functions = {
        "multiarray.scalar": Function(_scalar),
        "multiarray._reconstruct": Function(_reconstruct),
        "numeric._frombuffer": Function(_from_buffer),
    }
    return {
        **{f"numpy.{core}.{name}": function for core in ("core", "_core") for name, function in functions.items()},
        "numpy.dtype": Function(_dtype),
        "numpy.ndarray": Function(lambda *_: Opaque()),
    }


def set_state(target: Any, state: Any) -> bool:
    """Set the state of a stand-in, once and without a copy; False if the target is not a stand-in.

    Raises:
        DamagedError: the state does not fit.
    """
    if isinstance(target, Restored):
        if target.state is not None or not isinstance(state, dict):
            raise DamagedError("an invalid state of a network")
        target.state = state
    elif isinstance(target, Array):
        if target.numbers is not None or not isinstance(state, tuple) or len(state) != 5:
            raise DamagedError("an invalid state of an array")
        target.numbers = _filled(state)
    elif isinstance(target, np.dtype):
        arrays.set_dtype(target, state)
    return isinstance(target, Restored | Array | np.dtype)


def _dtype(code: Any, *rest: Any) -> Any:
    """Only numeric dtypes are needed; files of trainers also contain arrays of strings and objects."""
    try:
        return arrays.dtype(code, *rest)
    except DamagedError:
        return Opaque()


def _plain(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.isnative


def _scalar(dtype: Any, data: Any) -> Array:
    return Array(np.asarray(arrays.scalar(dtype, data)) if _plain(dtype) else None)


def _reconstruct(*_: Any) -> Array:
    """An empty array, filled when its state is set."""
    return Array()


def _filled(state: tuple[Any, ...]) -> np.ndarray[Any, Any] | None:
    if not _plain(state[2]):
        return None
    numbers: np.ndarray[Any, Any] = np.ndarray((0,), "b")
    arrays.set_array(numbers, state)
    return numbers


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    """An array as numpy pickles it with protocol 5."""
    if order not in ("C", "F"):
        raise DamagedError("an array in an unknown order")
    if not _plain(dtype):
        return Array()
    if isinstance(data, bytes):
        return Array(_filled((1, shape, dtype, order == "F", data)))
    return Array(arrays.view(data, dtype, shape, order))
