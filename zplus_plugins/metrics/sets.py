"""Density and coverage (arXiv 2002.09797, Eq. 5 and 6): how a set of made pictures lies among real ones."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.errors import UsageError

NEIGHBOUR = 5


class Neighbourhoods:
    """Balls around the features of real pictures, each of which reaches to its :data:`NEIGHBOUR`-th neighbour.

    Args:
        real: features (n, d) of more than :data:`NEIGHBOUR` real pictures.

    Raises:
        UsageError: there are fewer.
    """

    def __init__(self, real: Tensor) -> None:
        if len(real) <= NEIGHBOUR:
            raise UsageError(f"{len(real)} real pictures; expected more than {NEIGHBOUR}.")
        self._real = real
        self._radii = torch.cdist(real, real).kthvalue(NEIGHBOUR + 1, dim=1).values  # the nearest is itself

    def holding(self, made: Tensor) -> Tensor:
        """Which balls hold which made features (m, d): (m, n), true or false."""
        return torch.cdist(made, self._real) <= self._radii


def density(holding: Tensor) -> float:
    """How many balls hold a made picture, over :data:`NEIGHBOUR`: 1 in the mean if made ones are distributed as real.

    Args:
        holding: which balls hold which made pictures, (m, n).
    """
    return float(holding.sum(dim=1).double().mean() / NEIGHBOUR)


def coverage(holding: Tensor) -> float:
    """The share of balls that hold a made picture; argument as for :func:`density`."""
    return float(holding.any(dim=0).double().mean())
