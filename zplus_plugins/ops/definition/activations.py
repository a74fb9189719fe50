"""The nine activations of StyleGAN's operations, with their derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from zplus_plugins.errors import OpsArgumentError

Function = Callable[[Tensor, float], Tensor]

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805
SQRT_2 = 2**0.5


@dataclass(frozen=True)
class Activation:
    """An elementwise function of u with a parameter alpha.

    Attributes:
        index: 1 to 9, its number in the compiled kernels, and in rosinality's interface (leaky ReLU is 3).
        value: the function.
        first: its derivative by u.
        second: its second derivative by u; None where that is zero almost everywhere.
        alpha: default parameter; only the leaky ReLU has one.
        gain: default factor of the result.
    """

    index: int
    value: Function
    first: Function
    second: Function | None = None
    alpha: float = 0.0
    gain: float = 1.0

    def told_by_output(self, alpha: float, gain: float) -> bool:
        """Whether the sign of the output determines the derivative, so that the input need not be saved."""
        return self.second is None and (self.index == 1 or (gain > 0 and alpha >= 0))


def _relu_slope(u: Tensor) -> Tensor:
    """0 at zero and 1 at NaN, as in torch."""
    return torch.where(u <= 0, torch.zeros_like(u), 1.0)


def _slope(u: Tensor, alpha: float) -> Tensor:
    return torch.where(u > 0, torch.ones_like(u), alpha)


def _bell(u: Tensor) -> Tensor:
    """The derivative of the sigmoid."""
    sigmoid = u.sigmoid()
    return sigmoid * (1 - sigmoid)


def _elu_slope(u: Tensor, at_zero: float, above: float) -> Tensor:
    return torch.where(u > 0, torch.full_like(u, above), at_zero * u.clamp(max=0).exp())


def _elu_second(u: Tensor, below: float) -> Tensor:
    """The second derivative, which jumps at zero, and is 0 there, as in torch."""
    return torch.where(u >= 0, torch.zeros_like(u), below * u.clamp(max=0).exp())


def _silu_second(u: Tensor) -> Tensor:
    return _bell(u) * (2 + u * (1 - 2 * u.sigmoid()))


ACTIVATIONS = {
    "linear": Activation(1, lambda u, a: u, lambda u, a: torch.ones_like(u)),
    "relu": Activation(2, lambda u, a: u.relu(), lambda u, a: _relu_slope(u), gain=SQRT_2),
    "lrelu": Activation(3, lambda u, a: F.leaky_relu(u, a), _slope, alpha=0.2, gain=SQRT_2),
    "tanh": Activation(
        4,
        lambda u, a: u.tanh(),
        lambda u, a: 1 - u.tanh().square(),
        lambda u, a: -2 * u.tanh() * (1 - u.tanh().square()),
    ),
    "sigmoid": Activation(
        5, lambda u, a: u.sigmoid(), lambda u, a: _bell(u), lambda u, a: _bell(u) * (1 - 2 * u.sigmoid())
    ),
    "elu": Activation(6, lambda u, a: F.elu(u), lambda u, a: _elu_slope(u, 1.0, 1.0), lambda u, a: _elu_second(u, 1.0)),
    "selu": Activation(
        7,
        lambda u, a: F.selu(u),
        lambda u, a: _elu_slope(u, SELU_SCALE * SELU_ALPHA, SELU_SCALE),
        lambda u, a: _elu_second(u, SELU_SCALE * SELU_ALPHA),
    ),
    # As in PyTorch: the identity above 20; the second derivative is 0 from 20 on.
    "softplus": Activation(
        8,
        lambda u, a: F.softplus(u),
        lambda u, a: torch.where(u > 20, torch.ones_like(u), u.sigmoid()),
        lambda u, a: torch.where(u >= 20, torch.zeros_like(u), _bell(u)),
    ),
    "swish": Activation(
        9,
        lambda u, a: F.silu(u),
        lambda u, a: u.sigmoid() + u * _bell(u),
        lambda u, a: _silu_second(u),
        gain=SQRT_2,
    ),
}
BY_INDEX = {activation.index: activation for activation in ACTIVATIONS.values()}


def activation_named(name: str) -> Activation:
    """The activation of this name.

    Raises:
        OpsArgumentError: there is none.
    """
    if name not in ACTIVATIONS:
        raise OpsArgumentError(f"There is no activation {name!r}; expected one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]
