"""A bounded cache: what was not used for the longest time is dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """Values by key, whose sizes together stay below a limit; the value used last is kept however large it is.

    Args:
        most: the limit, in the units of ``size``.
        size: of a value, which may grow; 1 for each, so that the limit is their number.
    """

    def __init__(self, most: int, size: Callable[[Value], int] = lambda value: 1) -> None:
        self._most, self._size = most, size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> Value | None:
        """The value of a key, if it is kept."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def of(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, which is made unless it is kept."""
        value = self.get(key)
        return self.put(key, make()) if value is None else value

    def put(self, key: Hashable, value: Value) -> Value:
        """Keep a value, in place of the key's former one."""
        self._values[key] = value
        self._values.move_to_end(key)
        total = sum(map(self._size, self._values.values()))
        while total > self._most and len(self._values) > 1:
            _, dropped = self._values.popitem(last=False)
            total -= self._size(dropped)
        return value
