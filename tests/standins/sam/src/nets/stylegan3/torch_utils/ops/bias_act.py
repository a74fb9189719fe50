"""Bias and activation."""

from __future__ import annotations

from math import sqrt
from typing import Any

import dnnlib
from torch import Tensor
from torch.nn import functional as F

from torch_utils import custom_ops

activation_funcs = {
    "linear": dnnlib.EasyDict(func=lambda x, alpha: x, def_alpha=0, def_gain=1),
    "lrelu": dnnlib.EasyDict(func=F.leaky_relu, def_alpha=0.2, def_gain=sqrt(2)),
}
_plugin = None


def _init() -> bool:
    global _plugin
    if _plugin is None:
        _plugin = custom_ops.get_plugin("bias_act_plugin", ["bias_act.cpp", "bias_act.cu"])
    return True


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
    """gain * act(x + b), with b along dimension dim."""
    if impl == "cuda" and x.device.type == "cuda" and _init():
        raise NotImplementedError
    return _bias_act_ref(x=x, b=b, dim=dim, act=act, alpha=alpha, gain=gain, clamp=clamp)


def _bias_act_ref(
    x: Tensor,
    b: Tensor | None = None,
    dim: int = 1,
    act: str = "linear",
    alpha: float | None = None,
    gain: float | None = None,
    clamp: float | None = None,
) -> Tensor:
    spec: Any = activation_funcs[act]
    if b is not None:
        x = x + b.reshape([-1 if axis == dim else 1 for axis in range(x.ndim)])
    x = spec.func(x, spec.def_alpha if alpha is None else alpha) * (spec.def_gain if gain is None else gain)
    return x if clamp is None else x.clamp(-clamp, clamp)
