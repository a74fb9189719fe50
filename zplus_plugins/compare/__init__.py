"""Compare latent spaces on the same pictures: reconstructions, edits at equal change, tests, and a report."""

from zplus_plugins.compare.plan import Edit, Instruments, Look, PictureSet, Plan
from zplus_plugins.compare.run import Measured, compare

__all__ = ["Edit", "Instruments", "Look", "Measured", "PictureSet", "Plan", "compare"]
