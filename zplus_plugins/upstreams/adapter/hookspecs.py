"""The hooks that a plugin may implement. A plugin is a module or object that an entry point of the group
``zplus_plugins`` refers to. Implementations are marked with :data:`zplus_plugins.upstreams.hookimpl`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from zplus_plugins.upstreams.adapter.description import PROJECT, Adapter

if TYPE_CHECKING:
    from torch import nn

    from zplus_plugins.hypersphere.latent import SphericalLatent
    from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation
    from zplus_plugins.hypersphere.swap.leaf import LeafSwap
    from zplus_plugins.upstreams.adapter.summary import Summary

hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec(firstresult=True)
def zplus_adapter() -> Adapter | None:
    """Return the description of one upstream repository."""


@hookspec(firstresult=True)
def zplus_start(mapping: StyleMapping, codes: int, seed: int) -> SphericalLatent | None:
    """Return the start of an inversion, shape (1, codes, D); None leaves it to ``--init``.

    Called once for each leaf that is swapped, in order.
    """


@hookspec(firstresult=True)
def zplus_mapping(generator: nn.Module, truncation: Truncation) -> StyleMapping | None:
    """Return the map from z to w of a generator of an unknown family; None to leave it to other plugins."""


@hookspec
def zplus_swapped(swap: LeafSwap) -> None:
    """Called after a W+ leaf has been replaced; ``swap`` has the leaf, the latent and the mapping."""


@hookspec
def zplus_finished(summary: Summary) -> None:
    """Called after the script has finished without an error and everything has been restored."""
