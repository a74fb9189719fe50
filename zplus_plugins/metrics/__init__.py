"""Metrics of reconstructions and edits.

Images are (B, 3, R, R) in [-1, 1]; every metric returns one number per image, (B,), on the CPU.
"""

from zplus_plugins.metrics.attributes import attribute_change, attribute_leakage
from zplus_plugins.metrics.identity import Identity, embedded_identity, facenet_identity
from zplus_plugins.metrics.perceptual import Lpips
from zplus_plugins.metrics.pixels import mse, psnr, shown, ssim
from zplus_plugins.metrics.styles import nscd, synthetic_nscd

__all__ = [
    "Identity",
    "Lpips",
    "attribute_change",
    "attribute_leakage",
    "embedded_identity",
    "facenet_identity",
    "mse",
    "nscd",
    "psnr",
    "shown",
    "ssim",
    "synthetic_nscd",
]
