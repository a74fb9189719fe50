"""zplus-plugins: GAN inversion in Z+, as a plugin for inversion repositories.

Public API for people who write their own loop, and for adapter authors. Method: Katsumata et al.,
arXiv 2307.08995: optimise one code z_i per generator layer on the hypersphere of radius sqrt(dim),
retracted onto it after every step, beside the feature map F or the generator's tuning.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zplus_plugins._version import __version__

if TYPE_CHECKING:
    from zplus_plugins.errors import ZPlusError
    from zplus_plugins.hypersphere.chase import Chase, chase, project
    from zplus_plugins.hypersphere.latent import SphericalLatent
    from zplus_plugins.hypersphere.leaf import LeafSwap
    from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation, mapping_of
    from zplus_plugins.hypersphere.retraction import RetractionHandle, attach
    from zplus_plugins.records.inversion import InversionRecord
    from zplus_plugins.upstreams.adapter.description import (
        Adapter,
        EditArguments,
        FeatureMap,
        Patch,
        Reliance,
        Script,
        TruncationArguments,
        Writer,
        hookimpl,
    )
    from zplus_plugins.upstreams.adapter.protocols import Finding
    from zplus_plugins.upstreams.patching.journal import Journal

__all__ = [
    "Adapter",
    "Chase",
    "EditArguments",
    "FeatureMap",
    "Finding",
    "InversionRecord",
    "Journal",
    "LeafSwap",
    "Patch",
    "Reliance",
    "RetractionHandle",
    "Script",
    "SphericalLatent",
    "StyleMapping",
    "Truncation",
    "TruncationArguments",
    "Writer",
    "ZPlusError",
    "__version__",
    "attach",
    "chase",
    "hookimpl",
    "mapping_of",
    "project",
]

# By module; each is imported once one of its names is used, for most import torch.
_HOMES = {
    "adapter": (
        "Adapter",
        "EditArguments",
        "FeatureMap",
        "Finding",
        "Patch",
        "Reliance",
        "Script",
        "TruncationArguments",
        "Writer",
        "hookimpl",
    ),
    "chase": (
        "Chase",
        "chase",
        "project",
    ),
    "errors": ("ZPlusError",),
    "journal": ("Journal",),
    "latent": ("SphericalLatent",),
    "mapping": (
        "StyleMapping",
        "Truncation",
        "mapping_of",
    ),
    "record": ("InversionRecord",),
    "retraction": (
        "RetractionHandle",
        "attach",
    ),
    "swap": ("LeafSwap",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This package, of which ``chase`` is the function, though its module of that name is imported, too."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value.chase if name == "chase" and isinstance(value, ModuleType) else value)


sys.modules[__name__].__class__ = _Package
