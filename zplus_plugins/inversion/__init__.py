"""Invert pictures into any of a generator's latent spaces, by one optimisation for all of them."""

from zplus_plugins.inversion.inverter import Inversion, Settings, invert
from zplus_plugins.spaces.model import Model, Point
from zplus_plugins.spaces.spaces import SPACES, Space, space_named
from zplus_plugins.spaces.statistics import Statistics, statistics_of

__all__ = [
    "SPACES",
    "Inversion",
    "Model",
    "Point",
    "Settings",
    "Space",
    "Statistics",
    "invert",
    "space_named",
    "statistics_of",
]
