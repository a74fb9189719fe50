"""LSAP's distance of codes from those that the mapping network makes (arXiv 2209.12746).

Demodulation makes the length of a style vector immaterial, so that vectors of length 1 are compared: the normalised
style space. LSAP takes one layer for each code of W+: all convolutions and the last RGB layer.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.spaces.model import Model, Point

_T = TypeVar("_T")


def of_codes(styles: list[_T]) -> list[_T]:
    """For each code of W+ its own layer, of all layers in the order of use: RGB layers share one, but for the last."""
    last = len(styles) - 1
    return [style for index, style in enumerate(styles) if index % 3 != 1 or index == last]


def alignment(model: Model, point: Point) -> Tensor:
    """The normalised style space cosine distance NSCD (B,), from 0 to 2: the mean over layers of 1 - <s / |s|, m>.

    m is the mean of s / |s| over random codes, as in the authors' code; so this is the mean cosine distance from their
    style vectors. Layers that F replaces do not count.
    """
    first = model.first_layer(point.space)
    means = of_codes(model.statistics.style_directions)
    pairs = zip(of_codes(model.styles(point))[first:], means[first:], strict=True)
    return torch.stack([1 - F.normalize(style, dim=1) @ mean for style, mean in pairs]).mean(dim=0)
