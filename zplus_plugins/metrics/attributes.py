"""The effect of an edit on the target attribute, and on all others."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.errors import UsageError


def attribute_change(before: Tensor, after: Tensor, index: int, ranges: Tensor | None = None) -> Tensor:
    """Signed change (B,) of one attribute, as a fraction of its range.

    Args:
        before, after: attributes (B, A) of the images, as measured by a regressor.
        index: index of the target attribute.
        ranges: difference between the highest and lowest value of each, (A,); None for the embedded regressor's.
    """
    return _changes(before, after, ranges)[:, index]


def attribute_leakage(before: Tensor, after: Tensor, index: int, ranges: Tensor | None = None) -> Tensor:
    """Mean absolute change (B,) of all other attributes, as fractions of their ranges; arguments as above.

    Attributes that the embedded regressor has not learnt
    (:data:`~zplus_plugins.portraits.networks.regressor.UNSEEN`) are excluded.
    """
    changes = _changes(before, after, ranges).abs()
    left_out = {index % changes.shape[1]} | (_unseen() if ranges is None else set())
    return changes[:, [column for column in range(changes.shape[1]) if column not in left_out]].mean(dim=1)


def _unseen() -> set[int]:
    from zplus_plugins.portraits.networks.regressor import NAMES, UNSEEN

    return {NAMES.index(name) for name in UNSEEN}


def _changes(before: Tensor, after: Tensor, ranges: Tensor | None) -> Tensor:
    if ranges is None:
        from zplus_plugins.portraits.networks.regressor import MEASURED

        ranges = torch.tensor([attribute.high - attribute.low for attribute in MEASURED], dtype=torch.float32)
    if before.shape != after.shape or before.shape[1:] != ranges.shape:
        raise UsageError(
            f"Attributes of shapes {tuple(before.shape)} and {tuple(after.shape)}; expected (B, {len(ranges)}) twice."
        )
    return (after.detach().cpu() - before.detach().cpu()) / ranges.cpu()
