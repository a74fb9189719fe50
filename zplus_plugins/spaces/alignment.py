"""LSAP's distance of codes from those that the mapping network generates (arXiv 2209.12746).

Because of demodulation, the length of a style vector has no effect, so vectors are normalised to length 1: the
normalised style space S^N. LSAP uses one layer for each code of W+: all convolutions and the last RGB layer.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.generators import StyleGenerator
from zplus_plugins.spaces.model import Model, Point

_T = TypeVar("_T")


def of_codes(generator: StyleGenerator, styles: list[_T]) -> list[_T]:
    """The layer of each code in W+, given all layers in the order of use: StyleGAN2's RGB layers share codes."""
    return [styles[index] for index in generator.style_of_code]


def alignment(model: Model, point: Point) -> Tensor:
    """The normalised style space cosine distance (NSCD), (B,), from 0 to 2: the mean over layers of 1 - <s / |s|, m>.

    m is the mean of s / |s| over random codes, as in the authors' code, so this is the mean cosine distance from the
    style vectors of random codes. Layers that F replaces are excluded.
    """
    first = model.first_layer(point.space)
    means = of_codes(model.generator, model.statistics.style_directions)
    pairs = zip(of_codes(model.generator, model.styles(point))[first:], means[first:], strict=True)
    return torch.stack([1 - F.normalize(style, dim=1) @ mean for style, mean in pairs]).mean(dim=0)
