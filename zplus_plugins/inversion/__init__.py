"""Invert images into any latent space of a generator, with the same optimisation for all spaces."""

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
