"""The number of threads with which a generator runs on the CPU.

The operations of a small network are so short that threads mostly wait for each other: two threads are no faster than
one, and more than ten times slower when another process is busy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

_SMALL = 4_000_000  # parameters; StyleGAN2 of 256 pixels has 25 million


def threads_for(network: nn.Module) -> int:
    """One thread for a small network, torch's default for others."""
    size = sum(tensor.numel() for tensor in network.state_dict().values())
    return 1 if size < _SMALL else torch.get_num_threads()


@contextmanager
def limited_to(threads: int) -> Iterator[None]:
    """Run torch with this number of threads inside the ``with`` block."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(before)
