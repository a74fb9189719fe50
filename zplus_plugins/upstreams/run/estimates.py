"""Estimates: style codes that nothing optimises, such as an encoder's, are projected onto the hypersphere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from zplus_plugins.errors import SwapError
from zplus_plugins.upstreams.adapter.captures import named_arguments
from zplus_plugins.upstreams.adapter.description import Estimate
from zplus_plugins.upstreams.adapter.picking import Call, follow, replaced
from zplus_plugins.upstreams.patching.journal import Journal
from zplus_plugins.upstreams.run.session import Run


def watch_estimates(journal: Journal, run: Run) -> None:
    """Hand map(z) on in the place of every code that the adapter calls an estimate."""
    for estimate in run.adapter.estimates:
        journal.wrap_when_imported(estimate.where, _Estimating(run, estimate).wrapper)


class _Estimating:
    def __init__(self, run: Run, estimate: Estimate) -> None:
        self._run = run
        self._estimate = estimate

    def wrapper(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def estimated(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            code = follow(self._estimate.pick, result)
            if not isinstance(code, Tensor):
                raise SwapError(
                    f"{self._estimate.where} returned {type(code).__name__} where the adapter expects a style code, a "
                    "tensor (B, L, D). Correct its `pick`."
                )
            call = Call(named_arguments(function, *args, **kwargs), result)
            if self._estimate.add is None:
                return replaced(self._estimate.pick, result, self._run.project(code))
            offset = self._estimate.add(call)
            return replaced(self._estimate.pick, result, self._run.project(code + offset, rounded=True) - offset)

        return estimated
