"""Starts and targets of inversions and moves must be finite."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.errors import LatentError, ZPlusError


def require_finite(tensor: Tensor, what: str, remedy: str, error: type[ZPlusError] = LatentError) -> None:
    """Require, before any work is done, that all values are finite. Synchronises with the device.

    Args:
        tensor: of any shape.
        what: describes the values, for the middle of a sentence.
        remedy: what to do, as a sentence.
        error: the exception to raise.

    Raises:
        LatentError (or ``error``): some are not; the message says which values, how many, and the index of the first.
    """
    bad = ~torch.isfinite(tensor.detach())
    count = int(bad.sum())
    if count:
        first = tuple(torch.nonzero(bad)[0].tolist())
        raise error(
            f"There is {tensor.detach()[first].item()} in {what} ({count:,} of {tensor.numel():,} values of the shape "
            f"{tuple(tensor.shape)}, the first at {first}); all must be finite. {remedy}"
        )
