"""The embedded domain: portraits drawn from known attributes, and the networks trained on them."""

from zplus_plugins.portraits.drawing.attributes import ATTRIBUTES, column, out_of_range, redrawn, sample
from zplus_plugins.portraits.drawing.drawing import RESOLUTION, draw

__all__ = ["ATTRIBUTES", "RESOLUTION", "column", "draw", "out_of_range", "redrawn", "sample"]
