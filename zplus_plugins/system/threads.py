"""How many threads a generator is computed with on the CPU.

The parts of a small network's step are so short that threads mostly wait for each other: two are no faster than one,
and beside another busy process more than ten times slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

_SMALL = 4_000_000  # parameters; StyleGAN2 of 256 pixels has 25 million


def threads_for(network: nn.Module) -> int:
    """One for a small network, for others as many as torch would take."""
    size = sum(tensor.numel() for tensor in network.state_dict().values())
    return 1 if size < _SMALL else torch.get_num_threads()


@contextmanager
def limited_to(threads: int) -> Iterator[None]:
    """Let torch compute with so many threads."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(before)
