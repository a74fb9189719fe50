"""Statistics of measurements: means with confidence intervals, paired tests, and relative gains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special  # scipy.stats takes a second to import

CONFIDENCE = 0.95
_RESAMPLES, _AT_ONCE = 10_000, 100
PERFECT = {"ssim": 1.0}
"""The value of a metric for an exact reconstruction; 0 for all others that are tested."""
LOWER_IS_BETTER = {"mse", "lpips", "perceptual", "nscd", "loss", "loss_bf16"}


@dataclass(frozen=True)
class Mean:
    """A mean over n images with its 95 % confidence interval by Student's t; NaN for n = 0.

    There is no interval for fewer than two images, or if the mean is infinite, like the PSNR of an exact
    reconstruction.
    """

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def half(self) -> float | None:
        """Half the interval's length."""
        return None if self.high is None else self.high - self.mean


def mean_of(values: np.ndarray) -> Mean:
    """The mean of values (B,), excluding NaN, such as the identity of a face that was not found."""
    values = values[~np.isnan(values)]
    n = len(values)
    mean = float(values.mean()) if n else float("nan")
    if n < 2 or not np.isfinite(mean):
        return Mean(mean, None, None, n)
    half = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / n**0.5)
    return Mean(mean, mean - half, mean + half, n)


def of_the_same(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values of several spaces, all of one shape, set to NaN in all of them wherever one is NaN.

    Means over different faces would not be comparable. A space without any value does not affect the others.
    """
    lost = np.any([np.isnan(own) for own in values.values() if not np.isnan(own).all()], axis=0)
    return {space: np.where(lost, np.nan, own) for space, own in values.items()}


@dataclass(frozen=True)
class NonInferiority:
    """A one-sided paired t-test of the hypothesis that the candidate is worse than the reference by the margin or more.

    Attributes:
        margin: in the units of the metric.
        worse: by how much the candidate is worse in the mean; negative if it is better.
        p: the p-value; None for fewer than two images.
        n: number of images.
    """

    margin: float
    worse: float
    p: float | None
    n: int


def non_inferiority(
    candidate: np.ndarray, reference: np.ndarray, margin: float, better: Literal["lower", "higher"]
) -> NonInferiority:
    """Test values (B,) for the same images."""
    worse = candidate - reference if better == "lower" else reference - candidate
    beyond = worse - margin
    if len(worse) < 2:
        p = None
    elif np.ptp(beyond) == 0:  # the limit of the test without variance
        p = 0.0 if beyond[0] < 0 else 1.0
    else:
        p = float(special.stdtr(len(beyond) - 1, beyond.mean() / (beyond.std(ddof=1) / len(beyond) ** 0.5)))
    return NonInferiority(margin, float(worse.mean()), p, len(worse))


def chosen_margin(figure: str, reference: np.ndarray, share: float) -> float:
    """A margin in the units of a metric: a share of the mean error of the reference, its distance from a perfect value.

    A share of an SSIM's mean itself would grow with quality. At an SSIM of 0.88, 5 % of it is a third of all that is
    missing from 1.

    Args:
        figure: name of the metric.
        reference: values (B,) of the reference.
        share: above 0.
    """
    return share * abs(PERFECT.get(figure, 0.0) - float(reference.mean()))


@dataclass(frozen=True)
class Gain:
    """The ratio of two means over the same n images, minus 1, with its 95 % bootstrap interval (percentiles).

    Gain and interval are None if the second mean is not clearly positive, so that the ratio is meaningless; the
    interval is None for a single image.
    """

    first: float
    second: float
    gain: float | None
    low: float | None
    high: float | None
    n: int


def relative_gain(first: np.ndarray, second: np.ndarray, seed: int = 0) -> Gain:
    """The gain of values (B,) over others for the same images, excluding images where either is NaN."""
    both = ~(np.isnan(first) | np.isnan(second))
    first, second = first[both], second[both]
    n = len(first)
    if not n:
        return Gain(float("nan"), float("nan"), None, None, None, 0)
    means = float(first.mean()), float(second.mean())
    if means[1] <= 0:
        return Gain(*means, None, None, None, n)
    if n < 2:
        return Gain(*means, means[0] / means[1] - 1, None, None, n)
    above, below = _resampled(first, second, seed)
    ends = (1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2
    if np.quantile(below, ends[0]) <= 0:
        return Gain(*means, None, None, None, n)
    low, high = np.quantile(above / below, ends)
    return Gain(*means, means[0] / means[1] - 1, float(low) - 1, float(high) - 1, n)


def _resampled(first: np.ndarray, second: np.ndarray, seed: int) -> np.ndarray:
    """Means of both over the same resamples of the images, (2, _RESAMPLES); in chunks, to save memory."""
    stream, means = np.random.default_rng(seed), []
    for _ in range(_RESAMPLES // _AT_ONCE):
        chosen = stream.integers(len(first), size=(_AT_ONCE, len(first)))
        means.append([values[chosen].mean(axis=1) for values in (first, second)])
    return np.concatenate(means, axis=1)
