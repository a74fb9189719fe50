"""Seeded random parameters of both operations, and slow definitions of them to compare with."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

ACTIVATIONS = ("linear", "relu", "lrelu", "tanh", "sigmoid", "elu", "selu", "softplus", "swish")
DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
SELU = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
DEFINITIONS = {
    "linear": lambda u, a: u,
    "relu": lambda u, a: max(u, 0.0),
    "lrelu": lambda u, a: u if u > 0 else a * u,
    "tanh": lambda u, a: math.tanh(u),
    "sigmoid": lambda u, a: 1 / (1 + math.exp(-u)),
    "elu": lambda u, a: u if u > 0 else math.expm1(u),
    "selu": lambda u, a: SELU[0] * (u if u > 0 else SELU[1] * math.expm1(u)),
    "softplus": lambda u, a: u if u > 20 else math.log1p(math.exp(u)),
    "swish": lambda u, a: u / (1 + math.exp(-u)),
}
GAINS = {"relu": 2**0.5, "lrelu": 2**0.5, "swish": 2**0.5}


def close(found: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    """Compare at the dtype's precision: float32 to 1e-5, float64 to 1e-12, relative to the largest value."""
    tolerance = {torch.float32: 1e-5, torch.float64: 1e-12, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}[dtype]
    assert found.dtype == dtype
    scale = max(1.0, expected.abs().max().item()) if expected.numel() else 1.0
    torch.testing.assert_close(found.double(), expected.double(), rtol=tolerance, atol=tolerance * scale)


def laid_out(x: Tensor, layout: str) -> Tensor:
    """The same values with other strides."""
    if layout == "channels_last" and x.ndim == 4:
        return x.to(memory_format=torch.channels_last)
    if layout == "strided":
        return torch.stack((x, -x), dim=-1)[..., 0]
    if layout == "transposed" and x.ndim > 1:
        return x.transpose(0, -1).contiguous().transpose(0, -1)
    return x


def bias_act_cases(count: int, seed: int, dtypes: tuple[torch.dtype, ...] = DTYPES) -> Iterator[dict[str, Any]]:
    """Arguments of ``bias_act``; every activation and dtype occurs."""
    draw, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    for number in range(count):
        shape = [
            draw.choice((0, 1, 2, 3, 5, 9, 17)) if n < 2 else draw.randint(1, 19) for n in range(draw.randint(1, 5))
        ]
        dim = draw.randrange(len(shape))
        dtype = dtypes[number % len(dtypes)]
        x = (torch.randn(shape, generator=generator) * draw.choice((0.1, 1, 30))).to(dtype)
        yield {
            "x": laid_out(x, draw.choice(("contiguous", "channels_last", "strided", "transposed"))),
            "b": draw.choice((None, torch.randn(shape[dim], generator=generator).to(dtype))),
            "dim": dim,
            "act": ACTIVATIONS[number // len(dtypes) % len(ACTIVATIONS)],
            "alpha": draw.choice((None, 0.05, 0.3)),
            "gain": draw.choice((None, 1, 0.7, 2.5)),
            "clamp": draw.choice((None, None, 0.5, 3.0)),
        }


def upfirdn2d_cases(count: int, seed: int, dtypes: tuple[torch.dtype, ...] = DTYPES) -> Iterator[dict[str, Any]]:
    """Arguments of ``upfirdn2d``; the padded image is never smaller than the filter."""
    draw, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    number = 0
    while number < count:
        dtype = dtypes[number % len(dtypes)]
        size = draw.randint(1, 6), draw.randint(1, 6)
        one_axis = draw.random() < 0.4
        f = torch.randn(size[0], generator=generator) if one_axis else torch.randn(size, generator=generator)
        if draw.random() < 0.3:
            f = torch.outer(torch.randn(size[0], generator=generator), torch.tensor((1.0, 3.0, 3.0, 1.0)))
        up, down = (draw.choice((1, 1, 2, 2, 3, (1, 2), (3, 2))) for _ in range(2))
        padding = draw.choice((0, draw.randint(0, 4), [draw.randint(-2, 4) for _ in range(draw.choice((2, 4)))]))
        channels, height, width = draw.choice((1, 2, 3, 4, 19)), draw.randint(1, 14), draw.randint(1, 40)
        shape = (draw.choice((0, 1, 1, 2)), channels, height, width)
        (upx, upy), pads = pair(up), four(padding)
        if min(width * upx + pads[0] + pads[1] - f.shape[-1], height * upy + pads[2] + pads[3] - f.shape[0]) < 0:
            continue
        if width * upx + min(pads[:2]) <= 0 or height * upy + min(pads[2:]) <= 0:
            continue
        number += 1
        yield {
            "x": laid_out(
                torch.randn(shape, generator=generator).to(dtype),
                draw.choice(("contiguous", "channels_last", "strided", "transposed")),
            ),
            "f": draw.choice((f, f, f, f, None)) if min(height, width) > 4 else f,
            "up": up,
            "down": down,
            "padding": padding,
            "flip_filter": draw.random() < 0.5,
            "gain": draw.choice((1, 1, 4, 0.3)),
        }


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """(x, y)."""
    return (value, value) if isinstance(value, int) else value


def four(padding: int | list[int]) -> list[int]:
    """(left, right, top, bottom)."""
    if isinstance(padding, int):
        return [padding] * 4
    return [padding[0], padding[0], padding[1], padding[1]] if len(padding) == 2 else padding


def slow_bias_act(
    x: Tensor, b: Tensor | None, dim: int, act: str, alpha: float | None, gain: float | None, clamp: float | None
) -> Tensor:
    """Number by number, in Python's floats."""
    u = x.double().numpy().copy()
    if b is not None:
        u += b.double().numpy().reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])
    factor = GAINS.get(act, 1.0) if gain is None else gain
    values = [factor * DEFINITIONS[act](value, 0.2 if alpha is None else alpha) for value in u.ravel().tolist()]
    y = np.array(values, dtype=np.float64).reshape(u.shape)
    return torch.from_numpy(y if clamp is None else np.clip(y, -clamp, clamp))


def slow_upfirdn2d(
    x: Tensor, f: Tensor | None, up: Any, down: Any, padding: Any, flip_filter: bool, gain: float
) -> Tensor:
    """Sample by sample, from the four steps of the definition."""
    (upx, upy), (downx, downy), pads = pair(up), pair(down), four(padding)
    taps = np.ones((1, 1)) if f is None else (f * gain ** (f.ndim / 2)).double().numpy()
    taps = np.outer(taps, taps) if taps.ndim == 1 else taps
    taps = taps * (gain if f is None else 1)
    taps = taps if flip_filter else taps[::-1, ::-1]
    batch, channels, height, width = x.shape
    spread = np.zeros((batch, channels, height * upy, width * upx))
    spread[:, :, ::upy, ::upx] = x.double().numpy()
    grown = np.pad(spread, ((0, 0), (0, 0), *[tuple(max(p, 0) for p in pads[n : n + 2]) for n in (2, 0)]))
    left, right, top, bottom = (max(-p, 0) for p in pads)
    grown = grown[:, :, top : grown.shape[2] - bottom, left : grown.shape[3] - right]
    windows = np.lib.stride_tricks.sliding_window_view(grown, taps.shape, axis=(2, 3))
    return torch.from_numpy(np.einsum("ncyxij,ij->ncyx", windows, taps)[:, :, ::downy, ::downx].copy())
