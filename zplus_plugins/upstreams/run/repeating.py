"""Codes of Z+ in the place of the one style code that a script repeats over the layers itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from zplus_plugins.errors import SwapError
from zplus_plugins.hypersphere.swap.layers import LayeredSwap
from zplus_plugins.upstreams.adapter.functions import Repeated
from zplus_plugins.upstreams.adapter.picking import follow, replaced
from zplus_plugins.upstreams.patching.journal import Journal


class Repeating:
    """See the module.

    Args:
        repeated: where the script repeats its code.
    """

    def __init__(self, repeated: Repeated) -> None:
        self._repeated = repeated
        self._swap: LayeredSwap | None = None
        self._watched: set[type] = set()

    def install(self, journal: Journal) -> None:
        """Watch the function that returns the codes."""
        journal.wrap_when_imported(self._repeated.returned, self._returning)

    def follow(self, swap: LayeredSwap, generator: nn.Module, journal: Journal) -> None:
        """Take the codes of this swap from now on."""
        self._swap = swap
        # The class, not the module: scripts optimise with copies, which have the same class but not always our hooks.
        kind = type(follow(self._repeated.synthesis, generator))
        if kind not in self._watched:
            self._watched.add(kind)
            journal.wrap(kind, "forward", self._synthesising)

    def _synthesising(self, synthesise: Callable[..., Any]) -> Callable[..., Any]:
        first = list(inspect.signature(synthesise).parameters)[1]

        def spread(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if args:
                return synthesise(module, self._spread(args[0]), *args[1:], **kwargs)
            return synthesise(module, **kwargs | {first: self._spread(kwargs.get(first))})

        return spread

    def _spread(self, ws: Any) -> Any:
        # Without a gradient these are no codes that are being optimised, but those that were returned.
        wanted = self._swap is not None and isinstance(ws, Tensor) and ws.requires_grad
        return self._swap.spread(ws) if wanted and self._swap is not None else ws

    def _returning(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def returned(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if self._swap is None:  # the code had a place for every layer
                return result
            codes = follow(self._repeated.pick, result)
            if not isinstance(codes, Tensor) or codes.ndim != 3:
                raise SwapError(
                    f"{self._repeated.returned} returned {type(codes).__name__} where the adapter expects style codes, "
                    "a tensor (N, L, D). Correct the `pick` of its `repeated`."
                )
            return replaced(self._repeated.pick, result, self._swap.past(codes))

        return returned
