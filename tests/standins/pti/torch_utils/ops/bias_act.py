"""Bias and activation in one operation."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_utils import custom_ops, misc


class Activation(NamedTuple):
    """A function of (x, alpha) and its defaults."""

    func: Callable[[Tensor, float], Tensor]
    def_alpha: float
    def_gain: float


activation_funcs = {
    "linear": Activation(lambda x, alpha: x, 0.0, 1.0),
    "lrelu": Activation(lambda x, alpha: F.leaky_relu(x, alpha), 0.2, 2**0.5),
}
_inited = False
_plugin: Any = None


def _init() -> bool:
    """Whether there is a kernel; it is compiled once."""
    global _inited, _plugin
    if not _inited:
        _inited = True
        sources = [str(Path(__file__).with_suffix(suffix)) for suffix in (".cpp", ".cu")]
        try:
            _plugin = custom_ops.get_plugin("bias_act_plugin", sources=sources)
        except Exception:
            warnings.warn(f"No CUDA kernel for bias_act: {traceback.format_exc()}", stacklevel=2)
    return _plugin is not None


def bias_act(
    x: Tensor,
    b: Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
    impl: str = "cuda",
) -> Tensor:
    """Add a bias along an axis, activate, multiply, and clamp."""
    assert impl in ("ref", "cuda")
    if impl == "cuda" and x.device.type == "cuda" and _init():
        return _plugin.bias_act(x, b, dim, act, alpha, gain, clamp)
    return _bias_act_ref(x, b, dim, act, alpha, gain, clamp)


@misc.profiled_function
def _bias_act_ref(
    x: Tensor,
    b: Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    spec = activation_funcs[act]
    if b is not None:
        x = x + b.reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])
    y = spec.func(x, spec.def_alpha if alpha is None else alpha) * (spec.def_gain if gain is None else gain)
    return y if clamp is None else torch.clamp(y, -clamp, clamp)
