"""The starting points of a run's inversions."""

from __future__ import annotations

from torch import Tensor

from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.hypersphere.starts import STARTS
from zplus_plugins.records.inversion import hash_code


class Starts:
    """The starting points of one run. All images share the same seed, so no result depends on the other images.

    Args:
        init: a name in :data:`STARTS`.
    """

    def __init__(self, init: str) -> None:
        self._init = init
        self._known: dict[tuple[int, str], SphericalLatent] = {}

    def at(self, mapping: StyleMapping, codes: int, seed: int, leaf: Tensor) -> SphericalLatent:
        """The start for a leaf, shape (1, codes, D). An estimate that occurs again is projected only once."""
        own = hash_code(leaf.detach().cpu().numpy()) if self._init == "project" else ""
        if (codes, own) not in self._known:
            self._known[codes, own] = STARTS[self._init](mapping, codes, seed, leaf)
        return self._known[codes, own]
