"""NSCD: the distance of codes from those that the mapping network generates (LSAP, arXiv 2209.12746)."""

from __future__ import annotations

import torch
from torch import Tensor

from zplus_plugins.spaces.alignment import alignment, of_codes
from zplus_plugins.spaces.model import Model, Point


@torch.no_grad()
def nscd(model: Model, point: Point) -> Tensor:
    """Normalised style space cosine distance (B,), from 0 to 2, on the CPU: :func:`alignment` as a metric."""
    return alignment(model, point).cpu()


def synthetic_nscd(model: Model, with_f: bool = False) -> float:
    """The mean NSCD of random codes, for comparison; ``with_f`` excludes the layers that F replaces."""
    first = model.generator.first_layer_after(model.f_resolution) if with_f else 0
    return float(torch.stack([1 - mean.square().sum() for mean in _means(model)[first:]]).mean())


def _means(model: Model) -> list[Tensor]:
    return of_codes(model.generator, model.statistics.style_directions)
