"""What the patches for ``--precision bf16`` share: when it applies, weights in bfloat16, and modulated activations.

It applies to the steps of an optimization, that is while gradients are computed and the network's weights need none.
What a script synthesises without gradients, such as the reconstruction that it saves, is in float32, and so is PTI's
tuning of the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from zplus_plugins.upstreams.adapter.context import RunContext

LOW = torch.bfloat16
_forced: ContextVar[bool | None] = ContextVar("forced", default=None)


def wanted(run: RunContext) -> bool:
    """Whether this run computes its steps in bfloat16."""
    return run.latent != "off" and run.options.precision == "bf16"


def applies(weight: Tensor) -> bool:
    """Whether a network with this weight computes in bfloat16 now."""
    forced = _forced.get()
    return not weight.requires_grad and (torch.is_grad_enabled() if forced is None else forced)


@contextmanager
def computing_in(low: bool) -> Iterator[None]:
    """Compute in bfloat16, or not, whether or not gradients are computed."""
    token = _forced.set(low)
    try:
        yield
    finally:
        _forced.reset(token)


@dataclass(frozen=True)
class Kernel:
    """A convolution's weight as its steps need it.

    Attributes:
        weight: bfloat16, channels last; of shape (out, in, h, w), or (in, out, h, w) for a transposed convolution.
        squares: sums of the squared weight over the kernel, shape (out, in), float32.
    """

    weight: Tensor
    squares: Tensor


class Kernels:
    """The kernels made of weights, each made once and again whenever its weight changes."""

    def __init__(self) -> None:
        self._kept: Any = WeakIdKeyDictionary()

    def of(self, owner: object, weight: Tensor, make: Callable[[Tensor], Tensor] = lambda weight: weight) -> Kernel:
        """The kernel of a weight (out, in, h, w).

        Args:
            owner: a module or tensor that has this weight alone, and with which the kernel is forgotten.
            weight: the weight as the upstream has it.
            make: arranges and scales the weight for the convolution.
        """
        state = (weight.data_ptr(), weight._version)
        kept: tuple[tuple[int, ...], Kernel] | None = self._kept.get(owner)
        if kept is None or kept[0] != state:
            with torch.no_grad():
                made = make(weight).to(LOW).contiguous(memory_format=torch.channels_last)
                kept = state, Kernel(made, weight.float().square().sum((2, 3)))
            self._kept[owner] = kept
        return kept[1]


def modulated(
    x: Tensor,
    style: Tensor,
    convolve: Callable[[Tensor], Tensor],
    squares: Tensor | None,
    noise: Tensor | None = None,
    epsilon: float = 1e-8,
) -> Tensor:
    """StyleGAN2's convolution by modulated activations: y = d * convolve(s * x) + noise (arXiv 1912.04958, Eq. 1 to 3).

    Upstreams scale the weight instead, which is the same but for rounding, and autograd then computes a gradient of
    every scaled weight.

    Args:
        x: shape (B, C, H, W), any type.
        style: s of shape (B, C), float32.
        convolve: from and to bfloat16, channels last.
        squares: of the weight, as in :class:`Kernel`; None for a convolution without demodulation.
        noise: broadcast to the result; None for none.
        epsilon: added to the squared norm.

    Returns:
        Shape (B, out, H', W'), bfloat16.
    """
    y = convolve(x.to(LOW, memory_format=torch.channels_last) * _per_channel(style))
    if squares is None:
        return y if noise is None else y + noise.to(LOW)
    d = _per_channel((style.square() @ squares.t() + epsilon).rsqrt())
    return y * d if noise is None else torch.addcmul(noise.to(LOW), y, d)


def _per_channel(factors: Tensor) -> Tensor:
    return factors.to(LOW)[:, :, None, None]
