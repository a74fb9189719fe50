"""Distances of pixels, as the evaluation script beside arXiv 2307.08995 takes them: of pictures as files hold them."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.errors import ImageError
from zplus_plugins.system.picture_file import levels


def shown(pictures: Tensor) -> Tensor:
    """Pictures as 8-bit files hold them: clamped to [-1, 1] and rounded to 256 levels; on the CPU, in float32."""
    return levels(pictures) / 127.5 - 1


def mse(a: Tensor, b: Tensor) -> Tensor:
    """Mean squared difference, of pictures in [-1, 1] as in the paper's tables: four times that of [0, 1]."""
    require_same_shape(a, b)
    return (shown(a) - shown(b)).square().mean(dim=(1, 2, 3))


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures."""
    return 10 * torch.log10(4 / mse(a, b))


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity, at most 1, as OpenCV's quality module has it.

    That is: a Gaussian window of 11 pixels with deviation 1.5, K1 = 0.01, K2 = 0.03, the mean over channels and all
    pixels, those at the border included, where pictures are reflected.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure  # takes seconds to import

    require_same_shape(a, b)
    first, second = ((shown(pictures) + 1) / 2 for pictures in (a, b))  # black must be 0
    _, maps = structural_similarity_index_measure(first, second, data_range=1.0, return_full_image=True)
    similarity: Tensor = maps.mean(dim=(1, 2, 3))
    return similarity


def require_same_shape(a: Tensor, b: Tensor) -> None:
    """See to it that pictures can be compared one by one.

    Raises:
        ImageError: they are not (B, 3, R, R) both, or not of the same shape.
    """
    if a.ndim != 4 or a.shape != b.shape:
        raise ImageError(f"Pictures of shapes {tuple(a.shape)} and {tuple(b.shape)}; expected the same (B, 3, R, R).")
