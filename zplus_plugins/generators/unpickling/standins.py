"""What stands in a file's content for objects of other people's classes: what they held, without what they did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zplus_plugins.untrusted import DamagedError, arrays
from zplus_plugins.untrusted.interpreter import Function


@dataclass(frozen=True)
class Record:
    """An object of a network's class.

    Attributes:
        name: the class.
        state: the object's attributes; a ``torch.nn.Module`` has ``_parameters``, ``_buffers`` and ``_modules``.
    """

    name: str
    state: dict[str, Any] = field(repr=False)


class Restored:
    """An object that gets its attributes from the pickle after it has been made.

    Attributes:
        state: they; None until then.
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
    """A value that is known to be harmless and that nobody needs: a trainer's options, a device, texts of numpy."""

    __slots__ = ()


class Array(Opaque):
    """A number or an array of numpy's.

    Attributes:
        numbers: its own; None until the pickle gives them, and where they are no plain numbers of this machine's order.
    """

    __slots__ = ("numbers",)

    def __init__(self, numbers: np.ndarray[Any, Any] | None = None) -> None:
        self.numbers = numbers


def names() -> dict[str, Any]:
    """What makes arrays in a pickle, by the names of numpy 1 and 2."""
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
    """Give a stand-in its state, once and without a copy; False if the target is of another kind.

    Raises:
        DamagedError: the state is another one's.
    """
    if isinstance(target, Restored):
        if target.state is not None or not isinstance(state, dict):
            raise DamagedError("a state for another network")
        target.state = state
    elif isinstance(target, Array):
        if target.numbers is not None or not isinstance(state, tuple) or len(state) != 5:
            raise DamagedError("a state for another array")
        target.numbers = _filled(state)
    elif isinstance(target, np.dtype):
        arrays.set_dtype(target, state)
    return isinstance(target, Restored | Array | np.dtype)


def _dtype(code: Any, *rest: Any) -> Any:
    """Only plain numbers are needed; trainers have arrays of texts and objects, too."""
    try:
        return arrays.dtype(code, *rest)
    except DamagedError:
        return Opaque()


def _plain(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.isnative


def _scalar(dtype: Any, data: Any) -> Array:
    return Array(np.asarray(arrays.scalar(dtype, data)) if _plain(dtype) else None)


def _reconstruct(*_: Any) -> Array:
    """Empty; its state fills it."""
    return Array()


def _filled(state: tuple[Any, ...]) -> np.ndarray[Any, Any] | None:
    if not _plain(state[2]):
        return None
    numbers: np.ndarray[Any, Any] = np.ndarray((0,), "b")
    arrays.set_array(numbers, state)
    return numbers


def _from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    """As numpy writes arrays in protocol 5."""
    if order not in ("C", "F"):
        raise DamagedError("an array in another order")
    if not _plain(dtype):
        return Array()
    if isinstance(data, bytes):
        return Array(_filled((1, shape, dtype, order == "F", data)))
    return Array(arrays.view(data, dtype, shape, order))
