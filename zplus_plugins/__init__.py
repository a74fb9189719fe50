"""zplus-plugins: GAN inversion in Z+, for inversion repositories and without one.

Here is what a library's user needs, and in :mod:`zplus_plugins.upstreams` what an adapter's author needs. Method:
Katsumata et al., arXiv 2307.08995: optimise one code z_i per generator layer on the hypersphere of radius sqrt(dim),
retracted onto it after every step, beside the feature map F or the generator's tuning.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from zplus_plugins._lazy import lazily
from zplus_plugins._version import __version__

if TYPE_CHECKING:
    from zplus_plugins.directions.direction import Direction
    from zplus_plugins.errors import ZPlusError
    from zplus_plugins.generators.load import load_generator
    from zplus_plugins.generators.network.interface import StyleGenerator
    from zplus_plugins.generators.network.stylegan2 import Generator
    from zplus_plugins.hypersphere.chase import Chase, chase, project
    from zplus_plugins.hypersphere.families import mapping_of
    from zplus_plugins.hypersphere.latent import SphericalLatent
    from zplus_plugins.hypersphere.mapping import StyleMapping, Truncation
    from zplus_plugins.hypersphere.retraction import RetractionHandle, attach
    from zplus_plugins.hypersphere.swap.leaf import LeafSwap
    from zplus_plugins.inversion.domain import open_model
    from zplus_plugins.inversion.inverter import Settings
    from zplus_plugins.inversion.record import PointRecord
    from zplus_plugins.library.inversion import Inversion
    from zplus_plugins.library.inverting import invert
    from zplus_plugins.photos.aligner import align
    from zplus_plugins.photos.blend import paste
    from zplus_plugins.records.inversion import InversionRecord
    from zplus_plugins.spaces.model import Model, Point
    from zplus_plugins.spaces.spaces import SPACES, Space, space_named
    from zplus_plugins.spaces.statistics import Statistics, statistics_of

__all__ = [
    "SPACES",
    "Chase",
    "Direction",
    "Generator",
    "Inversion",
    "InversionRecord",
    "LeafSwap",
    "Model",
    "Point",
    "PointRecord",
    "RetractionHandle",
    "Settings",
    "Space",
    "SphericalLatent",
    "Statistics",
    "StyleGenerator",
    "StyleMapping",
    "Truncation",
    "ZPlusError",
    "__version__",
    "align",
    "attach",
    "chase",
    "invert",
    "load_generator",
    "mapping_of",
    "open_model",
    "paste",
    "project",
    "space_named",
    "statistics_of",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())  # silent, unless whoever imports it listens

_HOMES = {
    "directions.direction": ("Direction",),
    "errors": ("ZPlusError",),
    "generators.load": ("load_generator",),
    "generators.network.interface": ("StyleGenerator",),
    "generators.network.stylegan2": ("Generator",),
    "hypersphere.chase": ("Chase", "chase", "project"),
    "hypersphere.families": ("mapping_of",),
    "hypersphere.latent": ("SphericalLatent",),
    "hypersphere.mapping": ("StyleMapping", "Truncation"),
    "hypersphere.retraction": ("RetractionHandle", "attach"),
    "hypersphere.swap.leaf": ("LeafSwap",),
    "inversion.domain": ("open_model",),
    "inversion.inverter": ("Settings",),
    "inversion.record": ("PointRecord",),
    "library.inversion": ("Inversion",),
    "library.inverting": ("invert",),
    "photos.aligner": ("align",),
    "photos.blend": ("paste",),
    "records.inversion": ("InversionRecord",),
    "spaces.model": ("Model", "Point"),
    "spaces.spaces": ("SPACES", "Space", "space_named"),
    "spaces.statistics": ("Statistics", "statistics_of"),
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
