"""A code a layer behind one leaf: Z+ for upstreams that optimise one style code and repeat it over the layers.

Such an upstream's leaf, of shape (B, 1, D) or (B, D), holds layer 0's style code; the other layers' are in a leaf of
ours. Where the upstream passes its repeated code to the synthesis network, :meth:`LayeredSwap.spread` puts theirs in
the place of layer 0's copies, together with whatever the upstream has added, such as noise. So autograd brings each
layer's own gradient to the two leaves, and ``leaf.grad`` is dL/dw of layer 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zplus_plugins.errors import SwapError
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.hypersphere.swap.leaf import LeafSwap, clear


class LayeredSwap(LeafSwap):
    """A leaf with one style code, and a latent (B, L, z_dim) in Z+ that an optimizer moves in its place."""

    def __init__(self, leaf: Tensor, latent: SphericalLatent, mapping: StyleMapping) -> None:
        self._others: Tensor | None = None
        self._pulled: Tensor | None = None
        # All codes since the start, without their graphs, on their device: to move them each step would wait for it.
        self._unread: list[Tensor] = []
        self._past: dict[bytes, Tensor] = {}
        super().__init__(leaf, latent, mapping)

    def spread(self, ws: Tensor) -> Tensor:
        """The codes of all layers in the place of the leaf's, which the upstream has repeated: both (B, L, D).

        Without noise the result is map(z) bit for bit.

        Raises:
            SwapError: they are of another shape.
        """
        assert self._others is not None
        if ws.shape != (len(self.leaf), self.mapping.num_ws, self.mapping.w_dim):
            raise SwapError(
                f"The synthesis network was given codes of shape {tuple(ws.shape)}; the upstream's one code, "
                f"{tuple(self.leaf.shape)}, was expected in {self.mapping.num_ws} layers. Run this script with "
                "--latent z."
            )
        added = ws[:, 1:].detach() - self._first()
        return torch.cat([ws[:, :1], self._others + added], dim=1)

    @torch.no_grad()
    def code(self) -> Tensor:
        assert self._others is not None
        return torch.cat([self._first(), self._others], dim=1)

    @torch.no_grad()
    def past(self, repeated: Tensor) -> Tensor:
        """The codes of the steps at which the leaf held these codes, bit for bit.

        Args:
            repeated: any number of codes (N, L, D), each the same in all layers.

        Raises:
            SwapError: the leaf never held one of them.
        """
        for w in self._unread:
            for row in w.cpu():
                self._past[_key(row)] = row
        self._unread.clear()
        found = [self._past.get(_key(row)) if bool((row == row[0]).all()) else None for row in repeated.cpu()]
        known = [row for row in found if row is not None]
        if len(known) < len(found):
            raise SwapError(
                f"{len(found) - len(known)} of {len(found)} style codes are not copies of one that was optimised, so "
                "their codes in Z+ are not known. Run this script with --latent z or --latent off."
            )
        return torch.stack(known).to(repeated)

    def clear_gradient(self, set_to_none: bool = True) -> None:
        super().clear_gradient(set_to_none)
        if self._others is not None:
            clear(self._others, set_to_none)

    def _first(self) -> Tensor:
        return self.leaf.detach().reshape(len(self.leaf), 1, -1)

    def _held(self, w: Tensor) -> Tensor | None:
        count, _, dim = w.shape
        return w if self.leaf.shape in ((count, 1, dim), (count, dim)) else None

    def _write(self, held: Tensor) -> None:
        w = held.detach()
        self.leaf.copy_(w[:, 0].reshape(self.leaf.shape))
        if self._others is None:
            self._others = w[:, 1:].clone().requires_grad_()
        else:
            self._others.copy_(w[:, 1:])
        self._unread.append(w)

    def _gradient(self) -> Tensor | None:
        """Of all layers.

        Raises:
            SwapError: the loss reached the leaf, but not through :meth:`spread`.
        """
        assert self._others is not None
        first = self.leaf.grad
        if first is None:
            return None
        if self._others.grad is not None:
            # An upstream may clear the leaf's gradient by hand, and knows nothing of the others'.
            self._pulled, self._others.grad = self._others.grad, None
        if self._pulled is None:
            raise SwapError(
                "The loss depends on the upstream's style code, but not by way of the synthesis network in which a "
                "code a layer takes its place. Correct the adapter's `repeated`, or run this script with --latent z."
            )
        return torch.cat([first.reshape(len(first), 1, -1), self._pulled], dim=1)


class ListedSwap(LeafSwap):
    """A list of leaves, one a layer, each (B, D) or (B, 1, D), and the latent that an optimizer moves in their place.

    Attributes:
        leaves: all of them, the coarsest layer first; ``leaf`` is the first one.
    """

    def __init__(self, leaves: Sequence[Tensor], latent: SphericalLatent, mapping: StyleMapping) -> None:
        self.leaves = tuple(leaves)
        super().__init__(self.leaves[0], latent, mapping)

    @torch.no_grad()
    def code(self) -> Tensor:
        return stacked(self.leaves)

    def clear_gradient(self, set_to_none: bool = True) -> None:
        for leaf in self.leaves:
            clear(leaf, set_to_none)

    def _held(self, w: Tensor) -> Tensor | None:
        return w if w.shape == stacked(self.leaves).shape else None

    def _write(self, held: Tensor) -> None:
        for i, leaf in enumerate(self.leaves):
            leaf.copy_(held[:, i].reshape(leaf.shape))

    def _changes(self) -> int:
        return sum(leaf._version for leaf in self.leaves)

    def _gradient(self) -> Tensor | None:
        gradients = [leaf.grad for leaf in self.leaves]
        if all(gradient is None for gradient in gradients):
            return None
        return stacked([torch.zeros_like(w) if g is None else g for w, g in zip(self.leaves, gradients, strict=True)])


def stacked(leaves: Sequence[Tensor]) -> Tensor:
    """A list of L leaves, (B, D) or (B, 1, D), as one tensor (B, L, D) without their graph."""
    return torch.stack([leaf.detach().reshape(len(leaf), -1) for leaf in leaves], dim=1)


def swap_for(leaf: Tensor, latent: SphericalLatent, mapping: StyleMapping) -> LeafSwap:
    """The swap of a leaf for a latent: a :class:`LayeredSwap` where the leaf has one code and the latent several."""
    one = leaf.ndim == 2 or leaf.shape[1] == 1
    several = latent.ndim == 3 and latent.shape[1] > 1
    return LayeredSwap(leaf, latent, mapping) if one and several else LeafSwap(leaf, latent, mapping)


def _key(row: Tensor) -> bytes:
    """Layer 0 of a code (L, D), bit for bit."""
    return row[0].numpy().tobytes()
