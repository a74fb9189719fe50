"""The global random number generators, from which scripts draw: every image draws the same numbers."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable

import numpy as np
import torch


class Draws:
    """See the module: Python's, NumPy's and torch's generators, on the CPU and on every GPU.

    Args:
        seed: what to seed them with; None for the state that they are in when the first image starts.
    """

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._restore: list[Callable[[], object]] = []

    def begin(self) -> None:
        """The script starts: what it draws before its first image is the same in every run.

        Python's own generator is left alone: scripts draw the names of their runs from it, which must stay different.
        """
        if self._seed is not None:
            np.random.seed(self._seed)
            torch.manual_seed(self._seed)

    def again(self) -> None:
        """An image starts: from here on, it draws what every other one draws."""
        if self._seed is not None:
            random.seed(self._seed)
            np.random.seed(self._seed)
            torch.manual_seed(self._seed)
            return
        if not self._restore:
            self._restore = _states()
        for restore in self._restore:
            restore()


def _states() -> list[Callable[[], object]]:
    """Functions that restore the current states."""
    states = [
        functools.partial(random.setstate, random.getstate()),
        functools.partial(np.random.set_state, np.random.get_state()),
        functools.partial(torch.set_rng_state, torch.get_rng_state()),
    ]
    # Asked for before a script has used a GPU, the states of the GPUs would initialise CUDA.
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states.append(functools.partial(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all()))
    return list(states)
