"""Editing directions of a generator: finding them, storing them in files, and moving inverted codes along them."""

from zplus_plugins.directions.boundary import find_interfacegan
from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.embedded import embedded_directions, portrait_scores
from zplus_plugins.directions.given import find_from_z
from zplus_plugins.directions.pursuit import Pursuit, find_by_chase
from zplus_plugins.directions.unsupervised import find_ganspace, find_sefa

__all__ = [
    "Direction",
    "Pursuit",
    "embedded_directions",
    "find_by_chase",
    "find_from_z",
    "find_ganspace",
    "find_interfacegan",
    "find_sefa",
    "portrait_scores",
]
