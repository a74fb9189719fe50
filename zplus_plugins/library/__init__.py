"""From images to edited images in a few lines of Python; docs/library.md shows them."""

from zplus_plugins.library.inversion import Inversion
from zplus_plugins.library.inverting import OnStep, invert
from zplus_plugins.library.targets import Picture

__all__ = ["Inversion", "OnStep", "Picture", "invert"]
