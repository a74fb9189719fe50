"""Swap the leaf, not the code: the optimizer gets z, the upstream keeps its W+ leaf.

An upstream passes its style code w, a leaf of shape (B, L, D), to an optimizer. In the optimizer,
a latent z replaces it, and around every step:

1. before: z.grad = (d map / dz)^T w.grad, on the graph kept from the last mapping;
2. the optimizer steps z, then z is retracted (arXiv 2307.08995, Eq. 1);
3. after: w <- map(z), in place, so that w == map(z) bit for bit.

Upstream's losses, regularisers, noise, schedules and saving code see an ordinary W+ code. A step
costs one forward and one backward pass of the mapping network, and does not synchronise with the
device. ``w.grad`` stays readable after the step, and is cleared by the optimizer's ``zero_grad`` or
by upstream's own code. Clipping w.grad clips dL/dw.

A leaf of shape (B, 1, D) or (B, D), which the upstream itself repeats for all layers, holds the style code that a
latent in Z has in every layer. :mod:`.layers` puts the codes of Z+ behind such a leaf.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from zplus_plugins.errors import SwapError
from zplus_plugins.hypersphere.geometry import norms
from zplus_plugins.hypersphere.latent import SphericalLatent, require_directions
from zplus_plugins.hypersphere.mapping import StyleMapping, require_finite_styles
from zplus_plugins.hypersphere.retraction import RetractionHandle, attach, refuse_closure_optimizer


class Progress:
    """The progress of one swapped leaf; outlives its tensors.

    Attributes:
        steps: optimizer steps.
        retractions: as many as steps, or none if retraction is off.
    """

    def __init__(self, latent: SphericalLatent) -> None:
        self.steps = 0
        self.retractions = 0
        self._radius = latent.radius
        self._longest = norms(latent)
        self._shortest = self._longest.clone()

    def see(self, latent: SphericalLatent) -> None:
        """Take the codes' norms into account, by three operations and in place: this is part of every step."""
        found = norms(latent)
        torch.maximum(self._longest, found, out=self._longest)
        torch.minimum(self._shortest, found, out=self._shortest)

    @property
    def largest_error(self) -> Tensor:
        """Largest ``| |z_i| - radius |`` at the start and after every step, a scalar on the latent's device."""
        return torch.maximum((self._longest - self._radius).abs().amax(), (self._shortest - self._radius).abs().amax())


class LeafSwap:
    """One W+ leaf and the latent that an optimizer updates in its place.

    Attributes:
        leaf: the upstream's w, shape (B, L, D); in Z also (B, 1, D) or (B, D).
        latent: z, shape (B, L, z_dim) in Z+ or (B, 1, z_dim) in Z.
        mapping: the generator's mapping from z to w.
        progress: steps, retractions and deviation from the hypersphere.

    Raises:
        LatentError: a code of the latent is not finite or zero.
        GeneratorError: the generator maps it to a style code that is not finite.
        SwapError: the leaf does not have the shape and dtype of map(z).
    """

    def __init__(self, leaf: Tensor, latent: SphericalLatent, mapping: StyleMapping) -> None:
        self.leaf = leaf
        self.latent = latent
        self.mapping = mapping
        self.progress = Progress(latent)
        self._retractions: list[RetractionHandle] = []
        self._mapped: Tensor | None = None
        require_directions(latent)
        self.push()
        require_finite_styles(leaf, "the style code at the start")

    def attach(self, optimizer: Optimizer, *, retract: bool = True) -> None:
        """Hook into the steps of an optimizer that has the latent.

        Raises:
            OptimizerError: as :func:`zplus_plugins.attach`.
        """
        refuse_closure_optimizer(type(optimizer))
        optimizer.register_step_pre_hook(self._before)
        if retract:
            self._retractions.append(attach(optimizer, self.latent))
        optimizer.register_step_post_hook(self._after)

    def push(self) -> None:
        """w <- map(z); keeps the graph for the next :meth:`pull`."""
        with torch.enable_grad():
            w = self.mapping(self.latent)
            self._mapped = self._held(w)
        if self._mapped is None or self._mapped.dtype != self.leaf.dtype:
            raise SwapError(
                f"The mapping network returns a code of shape {tuple(w.shape)} and dtype {w.dtype}; the upstream's "
                f"leaf is {tuple(self.leaf.shape)}, {self.leaf.dtype}."
            )
        with torch.no_grad():
            self._write(self._mapped)
        self._version = self._changes()

    def _changes(self) -> int:
        """How often the leaf has been changed in place."""
        return self.leaf._version

    def _held(self, w: Tensor) -> Tensor | None:
        """What of map(z) (B, L, D) the leaf holds; None if w does not fit it."""
        return in_shape_of(w, self.leaf)

    def _write(self, held: Tensor) -> None:
        self.leaf.copy_(held)

    def _gradient(self) -> Tensor | None:
        """The loss's gradient with respect to what the leaf holds; None if the loss did not reach it."""
        return self.leaf.grad

    def clear_gradient(self, set_to_none: bool = True) -> None:
        """As ``Optimizer.zero_grad`` does it, for the leaf that the optimizer no longer holds."""
        clear(self.leaf, set_to_none)

    @torch.no_grad()
    def code(self) -> Tensor:
        """The style code that the upstream's leaf holds now, for all layers, shape (B, L, D)."""
        return in_layers(self.leaf.detach(), self.mapping.num_ws)

    def pull(self) -> None:
        """z.grad = (d map / dz)^T w.grad; None if the leaf has no gradient.

        Raises:
            SwapError: upstream has modified the leaf since the last :meth:`push`.
        """
        if self._changes() != self._version:
            raise SwapError(
                "The upstream changed its W+ code in place between two optimizer steps, outside the "
                "optimizer. In Z+ the code follows z, so such a change would be lost. Run this script "
                "with --latent off."
            )
        gradient = self._gradient()
        if gradient is None:
            self.latent.grad = None
            return
        if self._mapped is None:  # a second gradient at the same z
            self.push()
        assert self._mapped is not None
        (self.latent.grad,) = torch.autograd.grad(self._mapped, self.latent, gradient)
        self._mapped = None

    def _before(
        self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self.pull()
            return None
        with_pull = self._pulling(closure)  # the gradient exists only after the closure has run
        if len(args) > 1:
            return (args[0], with_pull, *args[2:]), kwargs
        return args, {**kwargs, "closure": with_pull}

    def _pulling(self, closure: Callable[[], Any]) -> Callable[[], Any]:
        @functools.wraps(closure)
        def with_pull() -> Any:
            loss = closure()
            self.pull()
            return loss

        return with_pull

    def _after(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.progress.steps += 1
        self.progress.retractions = sum(handle.count for handle in self._retractions)
        self.progress.see(self.latent)
        self.push()


def in_layers(leaf: Tensor, num_ws: int) -> Tensor:
    """A leaf (B, L, D), (B, 1, D) or (B, D) as the style codes of all layers, shape (B, L, D)."""
    return leaf.reshape(len(leaf), -1, leaf.shape[-1]).expand(-1, num_ws, -1)


def in_shape_of(w: Tensor, leaf: Tensor) -> Tensor | None:
    """Style codes w (B, L, D) in the shape of an upstream's leaf; None if they do not fit it.

    A leaf with one code for all layers takes the first one, if all layers have the same.
    """
    if w.shape == leaf.shape:
        return w
    if leaf.ndim == 3 and leaf.shape == (len(w), 1, w.shape[2]) and _same_in_all_layers(w):
        return w[:, :1]
    if leaf.ndim == 2 and leaf.shape == (len(w), w.shape[2]) and _same_in_all_layers(w):
        return w[:, 0]
    return None


def _same_in_all_layers(w: Tensor) -> bool:
    # an expanded axis says so without waiting for the device
    return w.stride(1) == 0 or bool((w == w[:, :1]).all())


def clear(leaf: Tensor, set_to_none: bool) -> None:
    """As ``Optimizer.zero_grad`` clears a gradient."""
    if leaf.grad is None:
        return
    if set_to_none:
        leaf.grad = None
    else:
        leaf.grad.detach_().zero_()
