"""Pixel metrics, computed on 8-bit values as in the evaluation script of the authors of arXiv 2307.08995."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.errors import ImageError
from zplus_plugins.system.picture_file import levels


def shown(pictures: Tensor) -> Tensor:
    """Images as in 8-bit files: clamped to [-1, 1] and rounded to 256 levels; on the CPU, in float32."""
    return levels(pictures) / 127.5 - 1


def mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared error for values in [-1, 1], as in the paper's tables: four times that for [0, 1]."""
    require_same_shape(a, b)
    return (shown(a) - shown(b)).square().mean(dim=(1, 2, 3))


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB; infinite for equal images."""
    return 10 * torch.log10(4 / mse(a, b))


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity, at most 1, as in OpenCV's quality module.

    That is: a Gaussian window of 11 pixels with standard deviation 1.5, K1 = 0.01, K2 = 0.03, and the mean over
    channels and all pixels, including those at the border, where images are reflected.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure  # takes seconds to import

    require_same_shape(a, b)
    first, second = ((shown(pictures) + 1) / 2 for pictures in (a, b))  # black must be 0
    _, maps = structural_similarity_index_measure(first, second, data_range=1.0, return_full_image=True)
    similarity: Tensor = maps.mean(dim=(1, 2, 3))
    return similarity


def require_same_shape(a: Tensor, b: Tensor) -> None:
    """Require that two batches of images have the same shape.

    Raises:
        ImageError: they do not have the same shape, or are not (B, 3, R, R).
    """
    if a.ndim != 4 or a.shape != b.shape:
        raise ImageError(
            f"The images have shapes {tuple(a.shape)} and {tuple(b.shape)}; expected (B, 3, R, R) for both."
        )
