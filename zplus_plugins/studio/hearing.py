"""What happens in a studio, told to all open tabs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Note = dict[str, Any]
Hear = Callable[[Note], None]


class Hearing:
    """Functions that are called with every note, on the thread that it comes from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hear: dict[object, Hear] = {}

    def add(self, hear: Hear) -> Callable[[], None]:
        """Call a function from now on, until the one that is returned is called."""
        key = object()
        with self._lock:
            self._hear[key] = hear

        def stop() -> None:
            with self._lock:
                self._hear.pop(key, None)

        return stop

    def tell(self, note: Note) -> None:
        """Call all functions."""
        with self._lock:
            hearing = list(self._hear.values())
        for hear in hearing:
            hear(note)
