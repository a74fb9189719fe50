"""Compare latent spaces on the same images: reconstructions, edits at equal change, tests, and a report."""

from zplus_plugins.compare.work.plan import Edit, Instruments, Look, PictureSet, Plan
from zplus_plugins.compare.work.run import Measured, compare

__all__ = ["Edit", "Instruments", "Look", "Measured", "PictureSet", "Plan", "compare"]
