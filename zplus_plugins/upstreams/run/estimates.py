"""Estimates: style codes that nothing optimises, such as an encoder's, are projected onto the hypersphere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor

from zplus_plugins.errors import SwapError
from zplus_plugins.upstreams.adapter.captures import named_arguments
from zplus_plugins.upstreams.adapter.functions import Estimate
from zplus_plugins.upstreams.adapter.picking import Call, follow, replaced
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.run.session import Run


def watch_estimates(journal: Journal, run: Run) -> None:
    """Hand map(z) on in the place of every code that the adapter calls an estimate."""
    for estimate in run.estimates:
        journal.wrap_when_imported(estimate.where, _Estimating(run, estimate).wrapper)


class _Estimating:
    def __init__(self, run: Run, estimate: Estimate) -> None:
        self._run = run
        self._estimate = estimate

    def wrapper(self, function: Callable[..., Any]) -> Callable[..., Any]:
        name = self._estimate.argument

        def returning(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            return self._projected(result, lambda: Call(named_arguments(function, *args, **kwargs), result))

        def taking(*args: Any, **kwargs: Any) -> Any:
            given = inspect.signature(function).bind(*args, **kwargs)
            held = given.arguments[name]
            given.arguments[name] = self._projected(held, lambda: Call(named_arguments(function, *args, **kwargs)))
            return function(*given.args, **given.kwargs)

        return taking if name else returning

    def _projected(self, holder: Any, call: Callable[[], Call]) -> Any:
        """What holds the code, with map(z) in its place."""
        code = follow(self._estimate.pick, holder)
        if not isinstance(code, Tensor):
            verb = f"was given {self._estimate.argument}" if self._estimate.argument else "returned"
            raise SwapError(
                f"{self._estimate.where} {verb}, {type(code).__name__}, where the adapter expects a style code, a "
                "tensor (B, L, D). Correct its `pick`."
            )
        if self._estimate.add is None:
            return replaced(self._estimate.pick, holder, self._run.style_codes.project(code))
        offset = self._estimate.add(call())
        return replaced(
            self._estimate.pick, holder, self._run.style_codes.project(code + offset, rounded=True) - offset
        )
