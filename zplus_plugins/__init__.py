"""zplus-plugins: GAN inversion in Z+, as a plugin for inversion repositories.

Public API for people who write their own loop, and for adapter authors. Method: Katsumata et al.,
arXiv 2307.08995: optimise one code z_i per generator layer on the hypersphere of radius sqrt(dim),
retracted onto it after every step, beside the feature map F or the generator's tuning.
"""

from __future__ import annotations

from zplus_plugins._version import __version__
from zplus_plugins.adapter import (
    Adapter,
    EditArguments,
    FeatureMap,
    Finding,
    Patch,
    Reliance,
    Script,
    TruncationArguments,
    Writer,
    hookimpl,
)
from zplus_plugins.chase import Chase, chase, project
from zplus_plugins.errors import ZPlusError
from zplus_plugins.journal import Journal
from zplus_plugins.latent import SphericalLatent
from zplus_plugins.mapping import StyleMapping, Truncation, mapping_of
from zplus_plugins.record import InversionRecord
from zplus_plugins.retraction import RetractionHandle, attach
from zplus_plugins.swap import LeafSwap

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
