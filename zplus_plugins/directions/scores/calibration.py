"""How much a direction changes scores: measured on codes with which it was not found."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zplus_plugins.directions.scores.protocol import scored
from zplus_plugins.spaces.model import Point

STRENGTHS = (-2.0, -1.0, 1.0, 2.0)
CODES = 32
_AT_ONCE = 8
_LEAST = 3  # codes, below which there is no interval


@torch.no_grad()
def changes(
    pictures: Callable[[Point], Tensor],
    move: Callable[[float], Point],
    scores: Callable[[Tensor], Tensor],
    start: Tensor,
    on_images: Callable[[int], object] = lambda done: None,
) -> Tensor:
    """Changes of scores, (strengths, B, K), from strength 0 to each of :data:`STRENGTHS`.

    Args:
        pictures: from a point to its images (b, 3, R, R).
        move: from a strength to the edited point of B images.
        scores: from images to scores (b, K).
        start: scores (B, K) at strength 0.
        on_images: called with the number of images scored since the last call.
    """
    names = start.shape[1]
    at_each = [of_points(pictures, move(strength), scores, names, on_images) for strength in STRENGTHS]
    return torch.stack(at_each) - start


@torch.no_grad()
def of_points(
    pictures: Callable[[Point], Tensor],
    point: Point,
    scores: Callable[[Tensor], Tensor],
    count: int,
    on_images: Callable[[int], object] = lambda done: None,
) -> Tensor:
    """Scores (B, count) of a point's images, of which a few at a time are in memory; the rest is as for `changes`."""
    parts = []
    for first in range(0, len(point), _AT_ONCE):
        parts.append(scored(scores, pictures(point[first : first + _AT_ONCE]), count))
        on_images(len(parts[-1]))
    return torch.cat(parts)


def summary(changed: Tensor, names: Sequence[str]) -> dict[str, Any]:
    """The calibration of one way to move, by name of the score.

    Args:
        changed: changes (strengths, B, K) at :data:`STRENGTHS`.
        names: of the K scores.

    Returns:
        For each score: ``per_strength`` and ``interval``, the mean over codes of the slope of a line through zero and
        half the width of its 95 % interval (Student's t); ``change`` and ``change_interval``, the same for the change
        at each strength; and ``codes``, the number of codes that could be scored at all strengths. With fewer than
        3 codes there are None and no numbers.
    """
    return {name: _of_score(changed[:, :, index].double()) for index, name in enumerate(names)}


def _of_score(changed: Tensor) -> dict[str, Any]:
    strengths = torch.tensor(STRENGTHS, dtype=torch.float64)
    whole = changed[:, changed.isfinite().all(dim=0)]
    count = whole.shape[1]
    if count < _LEAST:
        return {"per_strength": None, "interval": None, "change": None, "change_interval": None, "codes": count}
    slopes = strengths @ whole / strengths.square().sum()
    mean, interval = _estimated(slopes)
    at_each = [_estimated(row) for row in whole]
    return {
        "per_strength": mean,
        "interval": interval,
        "change": [one for one, _ in at_each],
        "change_interval": [one for _, one in at_each],
        "codes": count,
    }


def _estimated(values: Tensor) -> tuple[float, float]:
    """Mean, and half the width of its 95 % interval."""
    from scipy.special import stdtrit

    error = float(values.std()) / math.sqrt(len(values))
    return float(values.mean()), float(stdtrit(len(values) - 1, 0.975)) * error


def is_monotonic(of_score: Mapping[str, Any]) -> bool:
    """Whether the mean change grows with every strength, zero included, and its slope is above zero by its interval."""
    if of_score["per_strength"] is None:
        return False
    steps = sorted([(0.0, 0.0), *zip(STRENGTHS, of_score["change"], strict=True)])
    rises = all(low[1] < high[1] for low, high in itertools.pairwise(steps))
    return rises and bool(of_score["per_strength"] > of_score["interval"])
