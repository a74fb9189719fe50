"""Intervals over portraits, usable ranges, and figures of sets of pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy import special  # scipy.stats takes a second to import
from torch import Tensor

from zplus_plugins.compare.statistics.figures import CONFIDENCE, Mean
from zplus_plugins.metrics.sets import Neighbourhoods, coverage, density
from zplus_plugins.portraits.training.evaluate import frechet_distance

_RESAMPLES = 2_000
_FOLDS = 10  # of portraits, which are left out in turn


def resampled(values: np.ndarray) -> Mean:
    """The mean of values (B,), without NaN, and its bootstrap interval (percentiles)."""
    values = values[~np.isnan(values)]
    n = len(values)
    if n < 2:
        return Mean(float(values.mean()) if n else float("nan"), None, None, n)
    means = values[np.random.default_rng(0).integers(n, size=(_RESAMPLES, n))].mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Mean(float(values.mean()), float(low), float(high), n)


def usable_range(change: np.ndarray, excesses: Sequence[np.ndarray]) -> np.ndarray:
    """The largest change that an edit makes before a limit is first exceeded.

    Between two strengths all curves are straight. A reconstruction that exceeds a limit has no usable range.

    Args:
        change: (..., S), at increasing strengths from 0 on.
        excesses: curves (..., S), above 0 where a limit is exceeded.

    Returns:
        (...), 0 at least.
    """
    shape, steps = change.shape[:-1], change.shape[-1]
    flat = change.reshape(-1, steps)
    ends = np.min([_first_above_0(one.reshape(-1, steps)) for one in excesses], axis=0)
    found = np.zeros(len(flat))
    for row, end in enumerate(ends):
        whole = min(int(end), steps - 1)
        beyond = flat[row, whole]
        if end > whole:
            beyond = beyond + (end - whole) * (flat[row, whole + 1] - beyond)
        found[row] = max(0.0, beyond, *(flat[row, : whole + 1] if end > 0 else [0.0]))
    return found.reshape(shape)


def _first_above_0(excess: np.ndarray) -> np.ndarray:
    """The fractional index at which curves (N, S) first rise above 0; S - 1 if they do not."""
    above = excess > 0
    first = np.where(above.any(axis=1), above.argmax(axis=1), excess.shape[1] - 1)
    rows = np.arange(len(excess))
    here, before = excess[rows, first], excess[rows, np.maximum(first - 1, 0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossed = first - 1 + np.where(here > 0, -before / (here - before), 1.0)
    found: np.ndarray = np.where(above[rows, 0], 0.0, crossed)
    return found


def of_sets(features: np.ndarray, real: Tensor) -> dict[str, Mean]:
    """Density, coverage and Fréchet distance of pictures to real ones, with jackknife intervals over the portraits.

    Args:
        features: of the pictures made of each of B portraits, (B, M, d).
        real: features (n, d) of real pictures.
    """
    made = torch.from_numpy(np.ascontiguousarray(features)).float()
    near = Neighbourhoods(real)
    holding = torch.stack([near.holding(one) for one in made])  # (B, M, n)
    n = len(made)

    def spread(figure: Callable[[Tensor], float]) -> Mean:
        whole = figure(torch.arange(n))
        folds = [fold for fold in torch.arange(n).chunk(min(_FOLDS, n)) if len(fold)]
        if len(folds) < 2:
            return Mean(whole, None, None, n)
        left = np.array([figure(torch.tensor([i for i in range(n) if i not in fold.tolist()])) for fold in folds])
        if np.isnan(left).any():
            return Mean(whole, None, None, n)
        k = len(folds)
        error = ((k - 1) / k * np.square(left - left.mean()).sum()) ** 0.5
        half = float(special.stdtrit(k - 1, (1 + CONFIDENCE) / 2) * error)
        return Mean(whole, whole - half, whole + half, n)

    return {
        "density": spread(lambda rows: density(holding[rows].flatten(0, 1))),
        "coverage": spread(lambda rows: coverage(holding[rows].flatten(0, 1))),
        "frechet": spread(lambda rows: _frechet(made[rows].flatten(0, 1), real)),
    }


def _frechet(made: Tensor, real: Tensor) -> float:
    return frechet_distance(made, real) if len(made) > 1 else float("nan")  # one picture has no covariance
