"""Watches optimizers being built, and swaps the leaves that are style codes."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import _global_optimizer_pre_hooks
from torch.utils.hooks import RemovableHandle

from zplus_plugins.errors import SwapError
from zplus_plugins.hypersphere.finite import require_finite
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.leaf import LeafSwap, Progress
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.hypersphere.retraction import refuse_closure_optimizer
from zplus_plugins.upstreams.patching.journal import Journal


class LeafSwapper:
    """Watches optimizers being built, and swaps the leaves that are style codes.

    Args:
        matches: whether an optimizer's parameter has a style code for every layer.
        is_one_code: whether one has a style code for all layers together; asked only where none has one for each.
        before: called before an optimizer gets its parameters; may refuse them.
        make: the latent and the mapping that replace a leaf.
        retract: whether to apply Eq. 1 after every step.
        on_swap: called with each new swap.
        excused: whether optimizers may step though nothing was swapped, because the codes were found earlier.
        watched: the places that are watched for a generator, while none has been caught.

    Attributes:
        progress: one entry for each leaf swapped so far.
    """

    def __init__(
        self,
        matches: Callable[[Tensor], bool],
        make: Callable[[Tensor], tuple[SphericalLatent, StyleMapping]],
        *,
        is_one_code: Callable[[Tensor], bool] = lambda leaf: False,
        before: Callable[[], object] = lambda: None,
        retract: bool = True,
        on_swap: Callable[[LeafSwap], object] | None = None,
        excused: Callable[[], bool] = lambda: False,
        watched: Callable[[], str] = lambda: "",
    ) -> None:
        self._excused = excused
        self._watched = watched
        self._matches = matches
        self._is_one_code = is_one_code
        self._before = before
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
            self._before()
            entries = [params] if isinstance(params, Tensor) else list(params)
            codes = self._style_codes([_tensor(entry) for entry in entries])
            swaps = [self._swap(optimizer, _tensor(entry)) if i in codes else None for i, entry in enumerate(entries)]
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

    def _style_codes(self, entries: list[Any]) -> set[int]:
        """Which entries of a parameter group are style codes; of those with one code for all layers, the first."""
        leaves = {i: e for i, e in enumerate(entries) if isinstance(e, Tensor) and not isinstance(e, SphericalLatent)}
        for leaf in leaves.values():
            if len(self._shapes_seen) < 8:
                self._shapes_seen[tuple(leaf.shape)] = None
        free = {i: leaf for i, leaf in leaves.items() if leaf.is_leaf and leaf.requires_grad}
        found = {i for i, leaf in free.items() if self._matches(leaf)}
        return found or set(itertools.islice((i for i, leaf in free.items() if self._is_one_code(leaf)), 1))

    def _swap(self, optimizer: Optimizer, leaf: Tensor) -> LeafSwap:
        """The swap for a leaf that is a style code."""
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
        watched = self._watched()
        if watched:
            return (
                f"No generator was caught, so that no style code could be known: none of {watched} was called. Correct the "
                "adapter's `generator`, or run the script with --latent off."
            )
        shapes = ", ".join(map(str, self._shapes_seen)) or "nothing"
        return (
            "No optimizer was given a style code to replace: expected a leaf of shape "
            f"(B, L, D) of the generator, that is (batch, num_ws, w_dim); the optimizers of this script hold {shapes}. "
            "Nothing was optimised in W+ in its place. If this script optimises no style code, run it "
            "with --latent off."
        )


def _tensor(entry: Any) -> Any:
    """What an entry of a parameter group is about: a tensor, or torch's (name, tensor)."""
    return entry[1] if isinstance(entry, tuple) else entry


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
