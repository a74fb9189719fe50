"""Kernels against the reference, on whatever device they compute."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from random import Random
from typing import Any

import torch
from torch import Tensor

from support.op_grid import DTYPES, close, laid_out
from zplus_plugins.ops import bias_act
from zplus_plugins.ops.choice import Kernels
from zplus_plugins.ops.definition import reference
from zplus_plugins.ops.definition.activations import ACTIVATIONS

LAYOUTS = ("contiguous", "channels_last", "strided")
SHAPES = (((2, 16, 3, 5), 1), ((3, 7), 1), ((5, 3, 2), 0))  # and the bias's axis


def random(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def upfirdn2d_arguments() -> Iterator[dict[str, Any]]:
    """Each fast kernel's factors and filter, with paddings of both parities, and some that only the general one has."""
    factors = ((1, 1, 1, 1), (2, 2, 1, 1), (1, 1, 2, 2), (2, 1, 1, 1), (1, 1, 2, 1), (1, 2, 1, 1), (1, 1, 1, 2))
    sizes = {(4, 4): factors[:3], (12, 1): (factors[0], *factors[3:5]), (1, 12): (factors[0], *factors[5:])}
    sizes |= {(3, 5): (*factors, (3, 2, 2, 3)), (24, 24): factors[:1]}
    for size, paddings in itertools.product(sizes, ((2, 1, 1, 2), (1, 2, 2, 1), (9, 14, 12, 11), (-1, 26, -2, 23))):
        for number, (upx, upy, downx, downy) in enumerate(sizes[size]):
            names = ("padx0", "padx1", "pady0", "pady1")
            yield {
                "f": random(size[1], size[0]),
                **{"upx": upx, "upy": upy, "downx": downx, "downy": downy},
                **dict(zip(names, paddings, strict=True)),
                "flip": number % 2 == 0,
                "gain": 1.5,
            }


def agrees_upfirdn2d(kernels: Kernels, device: str, arguments: dict[str, Any]) -> None:
    arguments = dict(arguments)
    f = arguments.pop("f")
    for dtype, layout in itertools.product(DTYPES, LAYOUTS):
        x = laid_out(random(2, 3, 14, 13, dtype=dtype), layout)
        if (
            min(
                14 * arguments["upy"] + arguments["pady0"] + arguments["pady1"] - f.shape[0],
                13 * arguments["upx"] + arguments["padx0"] + arguments["padx1"] - f.shape[1],
            )
            < 0
        ):
            return
        expected = reference.upfirdn2d(x, f, **arguments)
        found = kernels.upfirdn2d(x.to(device), f.to(device), **arguments)
        assert found.stride() == expected.stride()
        close(found.cpu(), expected, dtype)


def agrees_bias_act(kernels: Kernels, device: str, act: str) -> None:
    """Other tensors lie as the first does in half of the cases, and otherwise in the common way."""
    draw = Random(0)
    cases = itertools.product(SHAPES, DTYPES, (*LAYOUTS, "transposed"), (0, 1, 2), (True, False))
    for (shape, dim), dtype, layout, grad, alike in cases:
        x, xref, dy = (
            laid_out(random(*shape, dtype=dtype, seed=seed), layout if alike or not seed else "contiguous")
            for seed in range(3)
        )
        by_sign = act in ("linear", "relu", "lrelu") and grad == 1 and draw.random() < 0.5
        b = None if by_sign else random(shape[dim], dtype=dtype, seed=3)
        values = {
            "dim": dim,
            "act": ACTIVATIONS[act].index,
            "alpha": 0.2,
            "gain": 1.5,
            "clamp": draw.choice((-1.0, 0.75)),
        }
        tensors = (x, b, xref if grad and not by_sign else None, xref if by_sign else None, dy if grad == 2 else None)
        expected = reference.bias_act(*tensors, grad=grad, **values)
        there = [None if t is None else t.to(device) for t in tensors]
        found = kernels.bias_act(*there, grad=grad, **values)  # type: ignore[arg-type]
        assert found.stride() == expected.stride() == torch.empty_like(x).stride()
        close(found.cpu(), expected, dtype)


def slope_ends_at_the_bound(device: str, act: str) -> None:
    """Values at the bound itself have no slope, and those next to it have theirs.

    Half types are tried where all values are exact: other activations round the result, but not before its slope.
    """
    for dtype in DTYPES if act in ("linear", "relu", "lrelu") else (torch.float32, torch.float64):
        x = (torch.arange(-8, 9, device=device, dtype=dtype) / 8).requires_grad_()
        free = bias_act(x, act=act, alpha=0.25, gain=2)
        bound = free.detach().abs().sort().values[12]
        clamped = bias_act(x, act=act, alpha=0.25, gain=2, clamp=bound.item())
        assert clamped.abs().eq(bound).sum() > free.abs().gt(bound).sum() > 0
        slope, expected = (torch.autograd.grad(y.sum(), x)[0] for y in (clamped, free))
        torch.testing.assert_close(slope, expected.where(free.abs() < bound, 0.0))
