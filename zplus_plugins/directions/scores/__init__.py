"""Scores of images: what a direction's attribute is measured by, and how much a direction changes it."""

from zplus_plugins.directions.scores.choice import Choice
from zplus_plugins.directions.scores.own import Own
from zplus_plugins.directions.scores.pixels import Pixels
from zplus_plugins.directions.scores.protocol import Named, Scores
from zplus_plugins.directions.scores.table import Table

__all__ = ["Choice", "Named", "Own", "Pixels", "Scores", "Table"]
