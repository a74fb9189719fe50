"""Codes that were found in this run, whether they have been saved yet or not.

What a script saves, and what it moves, is compared with them row by row: a style code (L, D) is known again by its
values, whatever batch, dictionary or axis the script has put it into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from zplus_plugins.errors import LatentError
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.hypersphere.swap.leaf import LeafSwap
from zplus_plugins.records.inversion import InversionRecord, Provenance, hash_code
from zplus_plugins.upstreams.results.rows import Array, as_array, in_all_layers

# How far an addition and its subtraction move a number of a style code, whose size is about 1.
_ROUNDING = 1e-5

_ProvenanceOf = Callable[[int, str], Provenance]


class LiveCodes:
    """See the module.

    Args:
        provenance: of a code, from its optimizer steps and its start.

    Attributes:
        estimates: how many codes were projected instead of optimised.
    """

    def __init__(self, provenance: _ProvenanceOf) -> None:
        self._provenance = provenance
        self._swap: tuple[LeafSwap, str] | None = None
        self._settled: dict[str, InversionRecord] = {}
        self._estimated: list[InversionRecord] = []
        self._rounded = False
        self._recorded: set[str] = set()
        self.estimates = 0

    def add(self, swap: LeafSwap, init: str) -> None:
        """Follow the code that an optimizer is about to move; those before it move no more."""
        self._settle()
        self._estimated = []
        self._swap = (swap, init)

    def add_estimate(
        self, latent: SphericalLatent, w: torch.Tensor, mapping: StyleMapping, *, rounded: bool = False
    ) -> None:
        """Take in codes that were projected onto the hypersphere: z (B, codes, z_dim) and map(z) (B, L, D).

        Args:
            latent: z.
            w: map(z).
            mapping: of the generator.
            rounded: whether the script takes the codes apart and puts them together again, which rounds them.
        """
        self._settle()
        self.estimates += len(w)
        self._estimated = list(self._rows(latent, w, mapping, 0, "project"))
        self._settled.update({record.w_sha256: record for record in self._estimated})
        self._rounded = rounded

    def find(self, row: Array) -> InversionRecord | None:
        """The code with the style code ``row``, shape (L, D), or (1, D) for all layers; None if there is none."""
        known = {record.w_sha256: record for record in self.newest()} | self._settled
        for record in known.values():
            assert record.w is not None
            full = in_all_layers(row, record.w.shape[1])
            if full.shape == record.w.shape[1:] and hash_code(full[None].astype(record.w.dtype)) in known:
                return known[hash_code(full[None].astype(record.w.dtype))]
        return (
            next((found for one in self._estimated if (found := _rounded_to(one, row))), None)
            if self._rounded
            else None
        )

    def newest(self) -> list[InversionRecord]:
        """The codes that an optimizer moves now, or that were last estimated; one record each."""
        if self._swap is None:
            return self._estimated
        swap, init = self._swap
        return list(self._rows(swap.latent, swap.code(), swap.mapping, swap.progress.steps, init))

    def recorded(self, record: InversionRecord) -> None:
        """A code's record is on the disk."""
        self._recorded.add(record.w_sha256)

    def unshown(self) -> list[InversionRecord]:
        """The newest codes, as far as they have no record yet."""
        return [one for one in self.newest() if one.w_sha256 not in self._recorded]

    def unrecorded(self) -> list[InversionRecord]:
        """Codes that cost optimizer steps and have no record yet, in the order in which they were found."""
        found = [*self._settled.values(), *self.newest()]
        return [one for one in found if one.provenance.steps and one.w_sha256 not in self._recorded]

    def _settle(self) -> None:
        """Keep the newest codes as they are: a few kilobytes each, while their leaf, graph and optimizer can go."""
        for record in self.newest():
            if record.provenance.steps:
                self._settled[record.w_sha256] = record
        self._swap = None

    def _rows(
        self, latent: SphericalLatent, w: torch.Tensor, mapping: StyleMapping, steps: int, init: str
    ) -> Iterator[InversionRecord]:
        z, styles = as_array(latent), as_array(w)
        for i in range(len(z)):
            yield InversionRecord(
                z=z[i : i + 1],
                radius=latent.radius,
                truncation=mapping.truncation,
                w_sha256=hash_code(styles[i : i + 1]),
                provenance=self._provenance(steps, init),
                w=np.ascontiguousarray(styles[i : i + 1]),
            )


def _rounded_to(record: InversionRecord, row: Array) -> InversionRecord | None:
    """The record for a code that differs from map(z) by rounding alone, bound to that code."""
    assert record.w is not None
    if row.shape != record.w.shape[1:] or not np.allclose(row, record.w[0], rtol=_ROUNDING, atol=_ROUNDING):
        return None
    w = np.ascontiguousarray(row[None])
    return replace(record, w=w, w_sha256=hash_code(w))


def require_finite(record: InversionRecord, name: Any) -> None:
    """Raise LatentError if a code's z has left the numbers."""
    if not np.isfinite(record.z).all():
        raise LatentError(f"The inversion diverged: z for {name} contains NaN or inf. Lower --lr.")
