"""Swap the leaf, not the code: the optimizer gets z, the upstream keeps its W+ leaf.

An upstream hands its style code w, a leaf of shape (N, num_ws, w_dim), to an optimizer. Here the
optimizer's entry becomes a latent z instead, and around every step:

1. before: z.grad = (d map / dz)^T w.grad, on the graph kept from the last map;
2. the optimizer steps z, then z is retracted (arXiv 2307.08995, Eq. 1);
3. after: w <- map(z), in place, so that w == map(z) bit for bit.

The upstream's losses, regularisers, noise, schedules and saves see an ordinary W+ code. A step
costs one forward and one backward of the mapping network and never waits for the device.
``w.grad`` stays readable after the step and is cleared by the optimizer's ``zero_grad``, or by the
upstream's own hand. Clipping w.grad clips dL/dw.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_pre_hooks
from torch.utils.hooks import RemovableHandle

from zplus_plugins.errors import SwapError
from zplus_plugins.finite import require_finite
from zplus_plugins.journal import Journal
from zplus_plugins.latent import SphericalLatent, require_directions
from zplus_plugins.mapping import StyleMapping, require_finite_styles
from zplus_plugins.retraction import RetractionHandle, attach, refuse_closure_optimizer


@dataclass
class Progress:
    """What has happened to one swapped leaf so far; outlives the tensors.

    Attributes:
        steps: optimizer steps.
        retractions: as many as steps, or none where they were not asked for.
        largest_error: largest ``| |z_i| - radius |`` at the start and after every step, a scalar
            on the latent's device.
    """

    steps: int
    retractions: int
    largest_error: Tensor


class LeafSwap:
    """One W+ leaf and the latent that an optimizer moves in its place.

    Attributes:
        leaf: the upstream's w, shape (N, num_ws, w_dim).
        latent: z, shape (N, num_ws, z_dim) in Z+ or (N, 1, z_dim) in Z.
        mapping: the generator's map from z to w.
        progress: steps, retractions and distance from the hypersphere.

    Raises:
        LatentError: a code of the latent is not finite or zero.
        GeneratorError: the generator maps it to a style code that is not finite.
        SwapError: the leaf is not of the shape and type of map(z).
    """

    def __init__(self, leaf: Tensor, latent: SphericalLatent, mapping: StyleMapping) -> None:
        self.leaf = leaf
        self.latent = latent
        self.mapping = mapping
        self.progress = Progress(0, 0, latent.sphere_error())
        self._retractions: list[RetractionHandle] = []
        self._mapped: Tensor | None = None
        require_directions(latent)
        self.push()
        require_finite_styles(leaf, "the style code at the start")

    def attach(self, optimizer: Optimizer, *, retract: bool = True) -> None:
        """Follow the steps of an optimizer that holds the latent.

        Raises:
            OptimizerError: as :func:`zplus_plugins.attach`.
        """
        refuse_closure_optimizer(type(optimizer))
        optimizer.register_step_pre_hook(self._before)
        if retract:
            self._retractions.append(attach(optimizer, self.latent))
        optimizer.register_step_post_hook(self._after)

    def push(self) -> None:
        """w <- map(z), keeping the graph for the next :meth:`pull`."""
        with torch.enable_grad():
            self._mapped = self.mapping(self.latent)
        if self._mapped.shape != self.leaf.shape or self._mapped.dtype != self.leaf.dtype:
            raise SwapError(
                f"The mapping network gives a code of shape {tuple(self._mapped.shape)} and type "
                f"{self._mapped.dtype}; the upstream's leaf is {tuple(self.leaf.shape)}, {self.leaf.dtype}."
            )
        with torch.no_grad():
            self.leaf.copy_(self._mapped)
        self._version = self.leaf._version

    def pull(self) -> None:
        """z.grad = (d map / dz)^T w.grad; none if the loss did not reach the leaf.

        Raises:
            SwapError: the upstream wrote into the leaf since the last :meth:`push`.
        """
        if self.leaf._version != self._version:
            raise SwapError(
                "The upstream changed its W+ code in place between two optimizer steps, outside the "
                "optimizer. In Z+ the code follows z, so such a change would be lost. Run this script "
                "with --latent off."
            )
        if self.leaf.grad is None:
            self.latent.grad = None
            return
        if self._mapped is None:  # a second gradient at the same z
            self.push()
        assert self._mapped is not None
        (self.latent.grad,) = torch.autograd.grad(self._mapped, self.latent, self.leaf.grad)
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
        self.progress.largest_error = torch.maximum(self.progress.largest_error, self.latent.sphere_error())
        self.push()


class LeafSwapper:
    """Watches optimizers being built, and swaps the leaves that are style codes.

    Args:
        matches: whether an optimizer's parameter is a style code.
        make: the latent and the mapping that replace a leaf.
        retract: whether to apply Eq. 1 after every step.
        on_swap: called with each new swap.
        excused: whether optimizers may step though nothing was swapped, because the codes were found earlier.

    Attributes:
        progress: one entry for each leaf swapped so far.
    """

    def __init__(
        self,
        matches: Callable[[Tensor], bool],
        make: Callable[[Tensor], tuple[SphericalLatent, StyleMapping]],
        *,
        retract: bool = True,
        on_swap: Callable[[LeafSwap], object] | None = None,
        excused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._excused = excused
        self._matches = matches
        self._make = make
        self._retract = retract
        self._on_swap = on_swap
        # Weak: the optimizer's hooks keep a swap, and with it the leaf and a graph, as long as it
        # can step. An image list of any length then needs the memory of one image.
        self._live: weakref.WeakSet[LeafSwap] = weakref.WeakSet()
        self._shapes_seen: dict[tuple[int, ...], None] = {}
        self.progress: list[Progress] = []

    def install(self, journal: Journal) -> None:
        """Watch every optimizer built from now on, until the journal closes."""
        journal.wrap(Optimizer, "add_param_group", self._adding)
        journal.wrap(Optimizer, "zero_grad", self._zeroing)
        # Not by torch's function, which gives the means to undo it only when it is done.
        hooks = _global_optimizer_pre_hooks
        journal.set_item(hooks, RemovableHandle(hooks).id, self._refuse_unswapped)

    def _adding(self, add_param_group: Callable[..., None]) -> Callable[..., None]:
        def add(optimizer: Optimizer, param_group: dict[str, Any]) -> None:
            params = param_group.get("params") if isinstance(param_group, dict) else None
            if params is None or isinstance(params, set):  # torch has its own message for these
                add_param_group(optimizer, param_group)
                return
            entries = [params] if isinstance(params, Tensor) else list(params)
            swaps = [self._swap(optimizer, entry) for entry in entries]
            param_group["params"] = [
                entry if swap is None else _with_latent(entry, swap.latent)
                for entry, swap in zip(entries, swaps, strict=True)
            ]
            add_param_group(optimizer, param_group)
            for swap in swaps:
                if swap is not None:
                    swap.attach(optimizer, retract=self._retract)
            _require_finite_company(optimizer)

        return add

    def _swap(self, optimizer: Optimizer, entry: Any) -> LeafSwap | None:
        """The swap for one entry of a parameter group: a tensor, or torch's (name, tensor)."""
        leaf = entry[1] if isinstance(entry, tuple) else entry
        if not isinstance(leaf, Tensor) or isinstance(leaf, SphericalLatent):
            return None
        if len(self._shapes_seen) < 8:
            self._shapes_seen[tuple(leaf.shape)] = None
        if not (leaf.is_leaf and leaf.requires_grad and self._matches(leaf)):
            return None
        refuse_closure_optimizer(type(optimizer))
        known = next((swap for swap in self._live if swap.leaf is leaf), None)
        if known is not None:  # a second optimizer for the same leaf goes on from the same z
            return known
        swap = LeafSwap(leaf, *self._make(leaf))
        self._live.add(swap)
        self.progress.append(swap.progress)
        if self._on_swap is not None:
            self._on_swap(swap)
        return swap

    def _zeroing(self, zero_grad: Callable[..., None]) -> Callable[..., None]:
        def zero(optimizer: Optimizer, set_to_none: bool = True) -> None:
            zero_grad(optimizer, set_to_none)
            held = {id(p) for group in optimizer.param_groups for p in group["params"]}
            for swap in self._live:
                if id(swap.latent) in held:
                    _clear(swap.leaf, set_to_none)

        return zero

    def _refuse_unswapped(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """An optimizer that steps before any swap means minutes of work in W+: stop at its first step."""
        held = (p for group in optimizer.param_groups for p in group["params"])
        if not self.progress and not self._excused() and not any(isinstance(p, SphericalLatent) for p in held):
            raise SwapError(self.nothing_swapped())

    def nothing_swapped(self) -> str:
        """Why no leaf was swapped, for an error."""
        shapes = ", ".join(map(str, self._shapes_seen)) or "nothing"
        return (
            "No optimizer was given a style code to replace: expected a leaf of shape "
            f"(N, num_ws, w_dim) of the generator; the optimizers of this script hold {shapes}. "
            "Nothing was optimised in W+ in its place. If this script optimises no style code, run it "
            "with --latent off."
        )


def _with_latent(entry: Any, latent: SphericalLatent) -> Any:
    return (entry[0], latent) if isinstance(entry, tuple) else latent


def _require_finite_company(optimizer: Optimizer) -> None:
    """What is optimised beside a latent, such as a feature map F, starts at finite values, or takes z with it."""
    held = [p for group in optimizer.param_groups for p in group["params"]]
    others = [p for p in held if not isinstance(p, SphericalLatent)]
    for other in others if len(others) < len(held) else ():
        require_finite(
            other,
            "what the script optimises beside its style code, such as an encoder's feature map",
            "Check the image and the checkpoint that it was estimated with.",
        )


def _clear(leaf: Tensor, set_to_none: bool) -> None:
    if leaf.grad is None:
        return
    if set_to_none:
        leaf.grad = None
    else:
        leaf.grad.detach_().zero_()
