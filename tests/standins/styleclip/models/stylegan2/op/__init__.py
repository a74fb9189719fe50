"""Operations in plain PyTorch."""

from __future__ import annotations

from .fused_act import FusedLeakyReLU as FusedLeakyReLU
from .fused_act import fused_leaky_relu as fused_leaky_relu
from .upfirdn2d import upfirdn2d as upfirdn2d
