"""Mean squared error."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def l2_loss(real_images: Tensor, generated_images: Tensor) -> Tensor:
    """Of images of the same shape."""
    return F.mse_loss(real_images, generated_images)
