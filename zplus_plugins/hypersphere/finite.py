"""Where an inversion or a move starts, or is to arrive, must be somewhere: no NaN, no inf."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.errors import LatentError, ZPlusError


def require_finite(tensor: Tensor, what: str, remedy: str, error: type[ZPlusError] = LatentError) -> None:
    """See to it, before work is spent, that all values are finite. Waits for the device.

    Args:
        tensor: of any shape.
        what: names the values, in the middle of a sentence.
        remedy: what to do, as a sentence.
        error: that is raised.

    Raises:
        LatentError: or another; some are not; it says which values, how many, and where the first one is.
    """
    bad = ~torch.isfinite(tensor.detach())
    count = int(bad.sum())
    if count:
        first = tuple(torch.nonzero(bad)[0].tolist())
        raise error(
            f"There is {tensor.detach()[first].item()} in {what} ({count:,} of {tensor.numel():,} values of the shape "
            f"{tuple(tensor.shape)}, the first at {first}); all must be finite. {remedy}"
        )
