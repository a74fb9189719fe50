"""Low-pass filters for StyleGAN3 (Karras et al., 2021: arXiv 2106.12423, appendices C.1 and C.2)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def lowpass(taps: int, cutoff: float, half_width: float, rate: float, radial: bool = False) -> Tensor:
    """A windowed ideal low-pass filter with a sum of 1, float32.

    Args:
        taps: its length.
        cutoff: its cutoff frequency.
        half_width: half the width of its transition band, which determines the Kaiser window.
        rate: the sampling rate of the signal.
        radial: whether it is radially symmetric.

    Returns:
        (taps,), for use along both axes; if radial, (taps, taps).
    """
    from scipy import signal  # only new networks need filters; those from files bring them along

    if not radial:
        return torch.as_tensor(signal.firwin(taps, cutoff, width=2 * half_width, fs=rate), dtype=torch.float32)
    attenuation = signal.kaiser_atten(taps, 2 * half_width / (rate / 2))
    window = np.kaiser(taps, signal.kaiser_beta(attenuation))
    filtered = _jinc(taps, cutoff, rate) * np.outer(window, window)
    return torch.as_tensor(filtered / filtered.sum(), dtype=torch.float32)


def _jinc(taps: int, cutoff: float, rate: float) -> NDArray[np.float64]:
    """The ideal filter in two dimensions, whose Fourier transform is a disc."""
    from scipy.special import j1

    along = (np.arange(taps) - (taps - 1) / 2) / rate
    distance = np.pi * np.hypot(along[:, None], along)
    distance[distance == 0] = 1e-12  # where it tends to the cutoff
    ideal: NDArray[np.float64] = j1(2 * cutoff * distance) / distance
    return ideal
