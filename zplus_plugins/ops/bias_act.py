"""Bias, activation, gain and clamp in one operation (Karras et al., 2020: arXiv 1912.04958, 2006.06676)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, library

from zplus_plugins.errors import OpsArgumentError
from zplus_plugins.ops.choice import kernels_for
from zplus_plugins.ops.definition import reference
from zplus_plugins.ops.definition.activations import ACTIVATIONS, BY_INDEX, activation_named
from zplus_plugins.ops.recorded import recorded

LINEAR = ACTIVATIONS["linear"]
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    """``clamp(gain * act(x + b))``, elementwise; differentiable to any order with respect to x and b.

    Args:
        x: any shape and strides; float16, bfloat16, float32 or float64.
        b: bias along one axis, shape (x.shape[dim],), with the dtype and device of x; None for no bias.
        dim: axis of the bias, 0 to x.ndim - 1; ignored without a bias.
        act: ``linear``, ``relu``, ``lrelu``, ``tanh``, ``sigmoid``, ``elu``, ``selu``, ``softplus`` or ``swish``.
        alpha: slope of the leaky ReLU below zero; None for 0.2. The other activations have no parameter.
        gain: factor after the activation; None for sqrt(2) with ``relu``, ``lrelu`` and ``swish``, else 1.
        clamp: bound on the magnitude of the result, after the gain, at least 0; None for no bound. The derivative is
            zero where the bound is reached.

    Returns:
        A tensor with the shape, dtype and memory format of x.

    Raises:
        OpsArgumentError: the activation is unknown, or a shape, dtype or value is invalid.
    """
    activation = activation_named(act)
    if x.dtype not in DTYPES:
        raise OpsArgumentError(f"bias_act takes float16, bfloat16, float32 or float64, not {x.dtype}; convert x first.")
    if clamp is not None and clamp < 0:
        raise OpsArgumentError(f"clamp is {clamp}; expected at least 0, or None for no bound.")
    if b is not None:
        _check_bias(x, b, dim)
    alpha = float(activation.alpha if alpha is None else alpha)
    gain = float(activation.gain if gain is None else gain)
    bound = -1.0 if clamp is None else float(clamp)
    if b is None and act == "linear" and gain == 1 and bound < 0:
        return x
    arguments = (x, b, None, None, None, 0, dim, activation.index, alpha, gain, bound)
    if torch.compiler.is_compiling():
        compiled: Tensor = _compiled(*arguments)
        return compiled
    if kernels_for(x.device) is None or not _recorded(x, b):
        return _run(*arguments)
    return _eager(*arguments)


def _check_bias(x: Tensor, b: Tensor, dim: int) -> None:
    if not 0 <= dim < x.ndim:
        raise OpsArgumentError(f"The bias's axis is {dim}; expected 0 to {x.ndim - 1} for x of {x.ndim} axes.")
    if b.shape != (x.shape[dim],):
        raise OpsArgumentError(
            f"The bias has shape {tuple(b.shape)}; expected ({x.shape[dim]},), because x has shape {tuple(x.shape)}"
            f" and dim is {dim}."
        )
    if b.dtype != x.dtype or b.device != x.device:
        raise OpsArgumentError(
            f"The bias is {b.dtype} on {b.device}; expected {x.dtype} on {x.device}, like x; convert one of them."
        )


def _recorded(*tensors: Tensor | None) -> bool:
    return torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors)


def _call(
    implementation: Callable[..., Tensor],
    x: Tensor,
    b: Tensor | None,
    xref: Tensor | None,
    yref: Tensor | None,
    dy: Tensor | None,
    grad: int,
    dim: int,
    act: int,
    alpha: float,
    gain: float,
    clamp: float,
) -> Tensor:
    return implementation(x, b, xref, yref, dy, grad=grad, dim=dim, act=act, alpha=alpha, gain=gain, clamp=clamp)


def _run(x: Tensor, *others: Any) -> Tensor:
    """Call the kernels for the device of x, or the reference."""
    return _call((kernels_for(x.device) or reference).bias_act, x, *others)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    """Save what the derivative needs: the output if its sign is sufficient, otherwise the input."""
    x, b, xref, yref, _, grad, dim, act, alpha, gain, clamp = inputs
    ctx.order, ctx.parameters = grad, (dim, act, alpha, gain, clamp)
    if grad == 0:
        if not BY_INDEX[act].told_by_output(alpha, gain):
            xref = x
        elif BY_INDEX[act] is not LINEAR or clamp >= 0:
            yref = output
    ctx.save_for_backward(x if grad == 1 else None, None if xref is None else b, xref, yref)


def _derivative(call: Callable[..., Tensor]) -> Callable[[Any, Tensor], tuple[Tensor | None, ...]]:
    """The derivative of ``call`` by its tensors, as further calls; from the third order on, that of the reference."""

    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        factor, b, xref, yref = ctx.saved_tensors
        by_x, by_b, by_xref = ctx.needs_input_grad[:3]
        dx = dxref = None
        if by_x or (by_b and ctx.order == 0):
            dx = call(gradient, b, xref, yref, None, 1, *ctx.parameters)
        if ctx.order == 1 and xref is not None and (by_b or by_xref):
            twice = partial(_call, reference.bias_act) if torch.is_grad_enabled() else call
            dxref = twice(gradient, b, xref, None, factor, 2, *ctx.parameters)
        db = _sum_but(dx if ctx.order == 0 else dxref, ctx.parameters[0]) if by_b else None
        return (dx if by_x else None, db, dxref if by_xref else None, *[None] * 8)

    return backward


def _sum_but(x: Tensor | None, dim: int) -> Tensor | None:
    """The sum over all axes but one."""
    return None if x is None else x.sum([axis for axis in range(x.ndim) if axis != dim]) if x.ndim > 1 else x


_eager = recorded(_run, _keep, _derivative)

# The same for torch.compile, to which it is a single opaque operation.
_compiled: Any = library.custom_op(
    "zplus::bias_act",
    _run,
    mutates_args=(),
    schema="(Tensor x, Tensor? b, Tensor? xref, Tensor? yref, Tensor? dy, int grad, int dim, int act,"
    " float alpha, float gain, float clamp) -> Tensor",
)
_compiled.register_fake(lambda x, *others: torch.empty_like(x))
_compiled.register_autograd(_derivative(_compiled), setup_context=_keep)
