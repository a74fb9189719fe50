"""Operations that autograd records, without the overhead that a registered custom operator has at every call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Backward = Callable[..., tuple[Tensor | None, ...]]


def recorded(
    run: Callable[..., Tensor],
    keep: Callable[[Any, tuple[Any, ...], Tensor], None],
    derivative: Callable[[Callable[..., Tensor]], Backward],
) -> Callable[..., Tensor]:
    """``run`` with derivatives where autograd records: in a backward pass, only for the second order.

    Args:
        run: takes tensors and numbers.
        keep: puts into ``ctx`` what the derivative needs of the inputs and of the output.
        derivative: makes a backward pass that calls what it is given, which is the result of this function.
    """

    class Eager(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Tensor:
            output = run(*inputs)
            keep(ctx, inputs, output)  # at every call: a separate setup_context costs torch 50 us
            return output

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
            return backward(ctx, *gradients)

    def eager(*inputs: Any) -> Tensor:
        output: Tensor = Eager.apply(*inputs) if torch.is_grad_enabled() else run(*inputs)
        return output

    backward = derivative(eager)
    return eager
