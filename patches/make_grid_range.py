"""The argument ``range`` of ``torchvision.utils.make_grid``, which has been renamed to ``value_range``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zplus_plugins.upstreams.adapter.context import RunContext
from zplus_plugins.upstreams.adapter.description import Patch
from zplus_plugins.upstreams.patching.journal import Journal


def _renaming(function: Callable[..., Any]) -> Callable[..., Any]:
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if "range" in kwargs:
            kwargs["value_range"] = kwargs.pop("range")
        return function(*args, **kwargs)

    return renamed


def _install(journal: Journal, run: RunContext) -> None:
    # save_image passes its arguments on to make_grid.
    journal.wrap_when_imported("torchvision.utils:make_grid", _renaming)


PATCH = Patch(
    name="make_grid range",
    problem="torchvision's `make_grid` and `save_image` take no argument `range` any more",
    install=_install,
)
