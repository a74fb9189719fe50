"""Scores of an image's pixels, which need neither a face nor a network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_LUMA = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709
_LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
_FLAT = 1e-4  # contrast below which the sharpness is that of rounding errors


class Pixels:
    """Brightness, contrast, saturation, warmth, tint and sharpness.

    With channels from 0 to 1:

    - brightness: mean luma (ITU-R BT.709), 0 to 1;
    - contrast: standard deviation of the luma over the pixels;
    - saturation: mean saturation, as in HSV, 0 to 1;
    - warmth: mean of red minus blue, -1 (blue) to 1 (red);
    - tint: mean of green minus the mean of red and blue, -1 (magenta) to 1 (green);
    - sharpness: standard deviation of the luma's Laplacian, a common measure of focus, divided by the contrast; NaN for
      a flat image.
    """

    names = ("brightness", "contrast", "saturation", "warmth", "tint", "sharpness")
    key = "pixels"

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> Tensor:
        """Scores (B, 6) of images (B, 3, R, R) in [-1, 1]."""
        colours = ((pictures.float() + 1) / 2).clamp(0, 1)
        red, green, blue = colours.unbind(dim=1)
        luma = sum(weight * channel for weight, channel in zip(_LUMA, (red, green, blue), strict=True))
        assert isinstance(luma, Tensor)
        most, least = colours.amax(dim=1), colours.amin(dim=1)
        saturation = torch.where(most > 0, (most - least) / most.clamp_min(torch.finfo(most.dtype).tiny), most)
        contrast = luma.flatten(1).std(dim=1)
        edges = F.conv2d(luma[:, None], luma.new_tensor(_LAPLACIAN)[None, None]).flatten(1).std(dim=1)
        sharpness = torch.where(contrast > _FLAT, edges / contrast.clamp_min(_FLAT), torch.nan)
        tint = green - (red + blue) / 2
        means = [part.mean(dim=(1, 2)) for part in (luma, saturation, red - blue, tint)]
        return torch.stack([means[0], contrast, *means[1:], sharpness], dim=1)
