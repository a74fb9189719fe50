"""Watch optimizers being built, and swap the leaves that are style codes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer
from torch.optim import optimizer as optimizers
from torch.optim.optimizer import _global_optimizer_pre_hooks
from torch.utils.hooks import RemovableHandle

from zplus_plugins.errors import SwapError
from zplus_plugins.hypersphere.finite import require_finite
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.hypersphere.retraction import refuse_closure_optimizer
from zplus_plugins.hypersphere.swap.layers import ListedSwap, stacked, swap_for
from zplus_plugins.hypersphere.swap.leaf import LeafSwap, Progress
from zplus_plugins.upstreams.patching.journal import Journal


class LeafSwapper:
    """Watches optimizers being built, and swaps the leaves that are style codes.

    Args:
        matches: whether an optimizer's parameter holds one style code per layer.
        is_one_code: whether a parameter holds one style code for all layers; used if no parameter matches.
        listed: which parameters are a list of one style code per layer; used first if no parameter matches.
        before: called before parameters are added to an optimizer; may raise.
        make: returns the latent and the mapping that replace a leaf.
        retract: whether to apply Eq. 1 after every step.
        on_swap: called with each new swap.
        excused: whether optimizers may step although nothing was swapped, because the script has loaded the codes of
            an earlier run, or its codes are estimates.
        watched: the places that are watched for a generator, as long as none was captured.

    Attributes:
        progress: one entry for each leaf swapped so far.
    """

    def __init__(
        self,
        matches: Callable[[Tensor], bool],
        make: Callable[[Tensor], tuple[SphericalLatent, StyleMapping]],
        *,
        is_one_code: Callable[[Tensor], bool] = lambda leaf: False,
        listed: Callable[[Mapping[int, Tensor]], list[int]] = lambda leaves: [],
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
        self._listed = listed
        self._before = before
        self._make = make
        self._retract = retract
        self._on_swap = on_swap
        # Weak references: the optimizer's hooks keep a swap, with its leaf and graph, alive for as long as the
        # optimizer exists. So an image list of any length needs the memory of one image.
        self._live: weakref.WeakSet[LeafSwap] = weakref.WeakSet()
        self._shapes_seen: dict[tuple[int, ...], None] = {}
        self._apart = 0
        self.progress: list[Progress] = []

    def install(self, journal: Journal) -> None:
        """Watch every optimizer built from now on, until the journal closes."""
        journal.wrap(Optimizer, "add_param_group", self._adding)
        journal.wrap(Optimizer, "zero_grad", self._clearing_leaves)
        # Not with torch's own function, which returns the handle that undoes it only after the change.
        hooks = _global_optimizer_pre_hooks
        journal.set_item(hooks, RemovableHandle(hooks).id, self._refuse_unswapped)
        # On a GPU, torch chooses its multi-tensor implementation if all parameters are of types in this list. Without
        # ours, an upstream's Adam would launch a dozen operations for each of its parameters.
        types = getattr(optimizers, "_foreach_supported_types", None)
        if types is not None:
            journal.set(optimizers, "_foreach_supported_types", [*types, SphericalLatent])

    def leave(self, journal: Journal, where: str) -> None:
        """Swap nothing inside the function ``"package.module:Class.function"``."""

        def leaving(function: Callable[..., Any]) -> Callable[..., Any]:
            def left(*args: Any, **kwargs: Any) -> Any:
                self._apart += 1
                try:
                    return function(*args, **kwargs)
                finally:
                    self._apart -= 1

            return left

        journal.wrap_when_imported(where, leaving)

    def _adding(self, add_param_group: Callable[..., None]) -> Callable[..., None]:
        def add(optimizer: Optimizer, param_group: dict[str, Any]) -> None:
            params = param_group.get("params") if isinstance(param_group, dict) else None
            if params is None or isinstance(params, set):  # torch raises its own error for these
                add_param_group(optimizer, param_group)
                return
            self._before()
            entries = [params] if isinstance(params, Tensor) else list(params)
            tensors = [_tensor(entry) for entry in entries]
            codes = [] if self._apart else self._style_codes(tensors)
            swaps = {code[0]: self._swap(optimizer, [tensors[i] for i in code]) for code in codes}
            gone = {i for code in codes for i in code[1:]}
            param_group["params"] = [
                _with_latent(entry, swaps[i].latent) if i in swaps else entry
                for i, entry in enumerate(entries)
                if i not in gone
            ]
            add_param_group(optimizer, param_group)
            for swap in swaps.values():
                swap.attach(optimizer, retract=self._retract)
            _require_finite_parameters(optimizer)

        return add

    def _style_codes(self, entries: list[Any]) -> list[list[int]]:
        """The entries of a parameter group that are style codes: each one alone, or a list of one per layer.

        Of the entries with one code for all layers, only the first counts.
        """
        leaves = {i: e for i, e in enumerate(entries) if isinstance(e, Tensor) and not isinstance(e, SphericalLatent)}
        for leaf in leaves.values():
            if len(self._shapes_seen) < 8:
                self._shapes_seen[tuple(leaf.shape)] = None
        free = {i: leaf for i, leaf in leaves.items() if leaf.is_leaf and leaf.requires_grad}
        found = [[i] for i, leaf in free.items() if self._matches(leaf)] or [self._listed(free)]
        return [one for one in found if one] or [[i] for i, leaf in free.items() if self._is_one_code(leaf)][:1]

    def _swap(self, optimizer: Optimizer, leaves: list[Tensor]) -> LeafSwap:
        """The swap for a leaf that is a style code, or for a list of one leaf per layer."""
        refuse_closure_optimizer(type(optimizer))
        known = next((swap for swap in self._live if swap.leaf is leaves[0]), None)
        if known is not None:  # a second optimizer for the same leaf continues from the same z
            return known
        if len(leaves) == 1:
            swap = swap_for(leaves[0], *self._make(leaves[0]))
        else:
            swap = ListedSwap(leaves, *self._make(stacked(leaves)))
        self._live.add(swap)
        self.progress.append(swap.progress)
        if self._on_swap is not None:
            self._on_swap(swap)
        return swap

    def _clearing_leaves(self, zero_grad: Callable[..., None]) -> Callable[..., None]:
        def zero(optimizer: Optimizer, set_to_none: bool = True) -> None:
            zero_grad(optimizer, set_to_none)
            held = {id(p) for group in optimizer.param_groups for p in group["params"]}
            for swap in self._live:
                if id(swap.latent) in held:
                    swap.clear_gradient(set_to_none)

        return zero

    def _refuse_unswapped(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Stop at the first step of an optimizer before any swap: it would spend minutes optimising in W+."""
        held = (p for group in optimizer.param_groups for p in group["params"])
        if (
            not self._apart
            and not self.progress
            and not self._excused()
            and not any(isinstance(p, SphericalLatent) for p in held)
        ):
            raise SwapError(self.nothing_swapped())

    @property
    def live(self) -> Collection[LeafSwap]:
        """The swaps whose optimizers are alive."""
        return tuple(self._live)

    def nothing_swapped(self) -> str:
        """The error message that explains why no leaf was swapped."""
        watched = self._watched()
        if watched:
            return (
                f"No generator was captured, so style codes cannot be recognised: the script used none of {watched}. "
                "Correct the adapter's `generator`, or run the script with --latent off."
            )
        shapes = ", ".join(map(str, self._shapes_seen)) or "nothing"
        return (
            "No optimizer was given a style code to replace: expected a leaf of shape (B, L, D), where L is the "
            f"generator's num_ws and D its w_dim; the optimizers of this script were given {shapes}. Nothing was "
            "optimised in W+ instead. If this script optimises no style code, run it with --latent off."
        )


def _tensor(entry: Any) -> Any:
    """What an entry of a parameter group is about: a tensor, or torch's (name, tensor)."""
    return entry[1] if isinstance(entry, tuple) else entry


def _with_latent(entry: Any, latent: SphericalLatent) -> Any:
    return (entry[0], latent) if isinstance(entry, tuple) else latent


def _require_finite_parameters(optimizer: Optimizer) -> None:
    """Require finite values in whatever is optimised along with a latent, such as F: NaN there would spread to z."""
    held = [p for group in optimizer.param_groups for p in group["params"]]
    others = [p for p in held if not isinstance(p, SphericalLatent)]
    for other in others if len(others) < len(held) else ():
        require_finite(
            other,
            "what the script optimises along with its style code, such as an encoder's feature map",
            "Check the image and the encoder's checkpoint.",
        )
