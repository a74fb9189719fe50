"""Edits of codes in W+."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from editings import ganspace
from torch import Tensor


class LatentEditor:
    """Both kinds of edit behind one object."""

    def apply_ganspace(
        self, latent: Tensor, ganspace_pca: dict[str, Tensor], edit_directions: Sequence[tuple[int, int, int, float]]
    ) -> Tensor:
        """See :func:`editings.ganspace.edit`."""
        return ganspace.edit(latent, ganspace_pca, edit_directions)

    def apply_interfacegan(
        self, latent: Tensor, direction: Tensor, factor: float = 1, factor_range: tuple[int, int] | None = None
    ) -> Tensor:
        """The code (1, num_ws, w_dim) moved along a direction (1, w_dim), once or by a range of factors."""
        if factor_range is None:
            return latent + factor * direction
        return torch.cat([latent + step * direction for step in range(*factor_range)])
