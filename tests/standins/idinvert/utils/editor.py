"""Edits of codes in W+, many at once."""

from __future__ import annotations

from typing import Any

import numpy as np


def parse_indices(layers: Any, count: int) -> Any:
    """Layers as a list of numbers: given as such, as text, or all of them."""
    if isinstance(layers, str):
        layers = [int(one) for one in layers.split(",") if one]
    return list(layers) if layers else list(range(count))


def interpolate(src_codes: Any, dst_codes: Any, step: int = 5) -> Any:
    """Codes (N, L, D) to codes (N, L, D): (N, step, L, D)."""
    share = np.linspace(0.0, 1.0, step).reshape(1, step, 1, 1)
    return src_codes[:, np.newaxis] + share * (dst_codes[:, np.newaxis] - src_codes[:, np.newaxis])


def mix_style(style_codes: Any, content_codes: Any, num_layers: int = 1, mix_layers: Any = None) -> Any:
    """Every content with some layers of every style, (styles, contents, L, D)."""
    chosen = np.zeros((1, 1, num_layers, 1), dtype=bool)
    chosen[:, :, parse_indices(mix_layers, num_layers)] = True
    return np.where(chosen, style_codes[:, np.newaxis], content_codes[np.newaxis])


def manipulate(
    latent_codes: Any,
    boundary: Any,
    start_distance: float,
    end_distance: float,
    step: int,
    num_layers: int,
    manipulate_layers: Any,
) -> Any:
    """Codes (N, L, D) at some distances along a normal (1, L, D), in some layers: (N, step, L, D)."""
    if boundary.shape[1:] != latent_codes.shape[1:]:
        raise ValueError("the boundary is for other codes")
    chosen = np.zeros((1, 1, num_layers, 1), dtype=bool)
    chosen[:, :, parse_indices(manipulate_layers, num_layers)] = True
    distances = np.linspace(start_distance, end_distance, step).reshape(1, step, 1, 1)
    codes = np.repeat(latent_codes[:, np.newaxis], step, axis=1)
    return np.where(chosen, codes + distances * boundary[np.newaxis], codes)
