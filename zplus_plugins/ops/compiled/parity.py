"""Compiled kernels against the reference, on small tensors: values, and the calls that are their derivatives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from zplus_plugins.errors import OpsError
from zplus_plugins.ops.compiled.cpu import CpuKernels
from zplus_plugins.ops.compiled.cuda import CudaKernels
from zplus_plugins.ops.definition import reference
from zplus_plugins.ops.definition.activations import ACTIVATIONS

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.float16: 1e-3, torch.bfloat16: 8e-3}
"""Of a value, and of 1; of the half types one unit in the last place."""

LAYOUTS = ("contiguous", "channels_last")
CLAMP = 0.75
_BIAS_ACT = (2, 16, 3, 5)
_UPFIRDN2D = (2, 3, 14, 37)  # rows longer than a vector, and not a multiple of one
_LARGE = (1, 2, 160, 256)  # enough for several threads
# Filters of (fh, fw) with the factors upx, upy, downx, downy: those that have kernels of their own, and others. Up and
# down are each other's derivative.
_SQUARE = ((1, 1, 1, 1), (2, 2, 1, 1), (1, 1, 2, 2))
_ROW = ((1, 1, 1, 1), (2, 1, 1, 1), (1, 1, 2, 1))
_COLUMN = ((1, 1, 1, 1), (1, 2, 1, 1), (1, 1, 1, 2))
_FILTERS = {(4, 4): _SQUARE, (1, 12): _ROW, (12, 1): _COLUMN, (5, 3): ((3, 2, 2, 3),)}


@dataclass(frozen=True)
class Call:
    """One call of an operation.

    Attributes:
        tensors, numbers: its arguments, as in :class:`zplus_plugins.ops.choice.Kernels`; tensors on the CPU.
        label: the call in words, for a message.
    """

    operation: Literal["bias_act", "upfirdn2d"]
    tensors: tuple[Tensor | None, ...]
    numbers: dict[str, Any]
    label: str

    def of(self, implementation: Any, device: torch.device) -> Tensor:
        """The result of an implementation with the tensors on a device."""
        tensors = [None if tensor is None else tensor.to(device) for tensor in self.tensors]
        result: Tensor = getattr(implementation, self.operation)(*tensors, **self.numbers)
        return result


def require_parity(kernels: CpuKernels | CudaKernels, device: torch.device, starting: Callable[[str], None]) -> None:
    """Compare kernels with the reference, which always computes on the CPU.

    Args:
        kernels: for the device.
        device: where their tensors are.
        starting: called with the label of each call before it is made.

    Raises:
        OpsError: a result differs; names the call and the difference.
    """
    with torch.no_grad():
        for call in calls():
            starting(call.label)
            found = call.of(kernels, device).cpu()  # waits for the device, so an error belongs to this call
            difference = _difference(found, call.of(reference, torch.device("cpu")))
            if difference is not None:
                raise OpsError(f"{call.label} {difference}.")


def _difference(found: Tensor, expected: Tensor) -> str | None:
    if (found.dtype, found.shape, found.stride()) != (expected.dtype, expected.shape, expected.stride()):
        return (
            f"is {found.dtype} of shape {tuple(found.shape)} with strides {found.stride()}; expected {expected.dtype}, "
            f"{tuple(expected.shape)}, {expected.stride()}"
        )
    tolerance = TOLERANCE[expected.dtype]
    error, expected = (found.double() - expected.double()).abs(), expected.double().abs()
    if bool((error <= tolerance * (1 + expected)).all()):  # not so for NaN
        return None
    return f"differs from PyTorch's by up to {error.max().item():.3g}; the largest value is {expected.max().item():.3g}"


def calls() -> Iterator[Call]:
    """The calls: every kernel of a CUDA object, every activation, order, dtype and layout; the same numbers always."""
    for dtype in TOLERANCE:
        for layout in LAYOUTS:
            yield from _bias_acts(dtype, layout)
            yield from _upfirdn2ds(dtype, layout)
    yield _bias_act(_LARGE, torch.float32, "contiguous", 0, "lrelu")
    yield _bias_act(_LARGE, torch.float32, "channels_last", 1, "swish")
    for layout in LAYOUTS:
        yield _upfirdn2d(_LARGE, torch.float32, layout, _stylegan_filter(), (1, 1, 1, 1), 0)


def _bias_acts(dtype: torch.dtype, layout: str) -> Iterator[Call]:
    for act, grad in itertools.product(ACTIVATIONS, range(3)):
        yield _bias_act(_BIAS_ACT, dtype, layout, grad, act)
    for act in ("linear", "relu", "lrelu"):
        yield _bias_act(_BIAS_ACT, dtype, layout, 1, act, by_output=True)


def _upfirdn2ds(dtype: torch.dtype, layout: str) -> Iterator[Call]:
    for size, factors in _FILTERS.items():
        for number, factor in enumerate(factors):
            yield _upfirdn2d(_UPFIRDN2D, dtype, layout, _random(size, torch.float32, 5), factor, number)
    for number, factor in enumerate(_SQUARE):
        yield _upfirdn2d(_UPFIRDN2D, dtype, layout, _stylegan_filter(), factor, number + 1)


def _bias_act(
    shape: tuple[int, ...], dtype: torch.dtype, layout: str, grad: int, act: str, by_output: bool = False
) -> Call:
    x, xref, dy = (_laid_out(_random(shape, dtype, seed), layout) for seed in range(3))
    activation = ACTIVATIONS[act]
    # Only where the slope's end at the bound does not depend on how an exponential is rounded.
    clamp = CLAMP if activation.second is None else -1.0
    b = None if by_output else _random(shape[1:2], dtype, 3)
    tensors = (x, b, xref if grad and not by_output else None, xref if by_output else None, dy if grad == 2 else None)
    numbers: dict[str, Any] = {"dim": 1, "act": activation.index, "alpha": 0.25, "gain": 1.5, "clamp": clamp}
    what = f"bias_act ({act}, {('value', 'first derivative', 'second derivative')[grad]})"
    return Call("bias_act", tensors, {"grad": grad, **numbers}, _label(what, x, layout))


def _upfirdn2d(
    shape: tuple[int, ...], dtype: torch.dtype, layout: str, f: Tensor, factors: tuple[int, int, int, int], number: int
) -> Call:
    x = _laid_out(_random(shape, dtype, 4), layout)
    numbers: dict[str, Any] = dict(zip(("upx", "upy", "downx", "downy"), factors, strict=True))
    left, right, top, bottom = ((2, 1, 1, 2), (1, 2, 2, 1))[number % 2]
    padding = {"padx0": left, "padx1": right, "pady0": top, "pady1": bottom}
    what = f"upfirdn2d (up {factors[:2]}, down {factors[2:]}, filter {tuple(f.shape)})"
    numbers = {**numbers, **padding, "flip": number % 2 == 0, "gain": 1.5}
    return Call("upfirdn2d", (x, f), numbers, _label(what, x, layout))


def _label(what: str, x: Tensor, layout: str) -> str:
    return f"{what} for {str(x.dtype).partition('.')[2]}, shape {tuple(x.shape)}, {layout.replace('_', ' ')}"


def _random(shape: tuple[int, ...], dtype: torch.dtype, seed: int) -> Tensor:
    return (2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))).to(dtype)


def _stylegan_filter() -> Tensor:
    """A product of a row and a column, which the CPU's kernels apply as such."""
    taps = torch.tensor((1.0, 3.0, 3.0, 1.0)) / 8
    return taps.outer(taps)


def _laid_out(x: Tensor, layout: str) -> Tensor:
    return x.to(memory_format=torch.channels_last) if layout == "channels_last" else x
