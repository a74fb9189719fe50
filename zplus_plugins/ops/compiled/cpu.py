"""The operations on a CPU: a shared object with a plain C interface, built for this processor's vector width."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.errors import OpsError
from zplus_plugins.ops.compiled import cpu_target
from zplus_plugins.ops.compiled.inputs import bias_act_inputs
from zplus_plugins.ops.definition.reference import memory_format_of, output_size

DTYPES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
ELEMENTS_A_THREAD = 32768

# The structures declared in csrc/bias_act.cpp and csrc/upfirdn2d.cpp.
_BIAS_ACT = struct.Struct("=6Q7q3d")
_UPFIRDN2D = struct.Struct("=3Q22qd")


def load() -> CpuKernels:
    """The kernels for this processor, from the wheel, from the cache, or built.

    Raises:
        OpsError: they cannot be built or loaded.
    """
    width = torch.backends.cpu.get_cpu_capability()
    return opened(f"cpu ({width if width in cpu_target.WIDTHS else 'baseline'})", cpu_target.obtain(width))


def opened(name: str, path: Path) -> CpuKernels:
    """The kernels in a shared object.

    Args:
        name: a readable name of the kernels.
        path: the object.

    Raises:
        OpsError: it cannot be loaded.
    """
    try:
        # OpenMP's functions resolve to those that torch has loaded, so its thread pool and settings are used.
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise OpsError(f"{path} cannot be loaded: {error}. Delete it, and it will be built again.") from error
    return CpuKernels(name, library, path)


class CpuKernels:
    """See :class:`zplus_plugins.ops.choice.Kernels`; ``file`` is the shared object."""

    def __init__(self, name: str, library: ctypes.CDLL, file: Path) -> None:
        self.name, self.file = name, file
        self._bias_act = _function(library, "zplus_bias_act")
        self._upfirdn2d = _function(library, "zplus_upfirdn2d")

    def bias_act(
        self,
        x: Tensor,
        b: Tensor | None,
        xref: Tensor | None,
        yref: Tensor | None,
        dy: Tensor | None,
        *,
        grad: int,
        dim: int,
        act: int,
        alpha: float,
        gain: float,
        clamp: float,
    ) -> Tensor:
        out = torch.empty_like(x)
        count = out.numel()
        if count == 0:
            return out
        tensors, step, channels = bias_act_inputs(out, x, b, xref, yref, dy, dim)
        parameters = _BIAS_ACT.pack(
            *(0 if t is None else t.data_ptr() for t in (*tensors, out)),
            *(count, step, channels, DTYPES[out.dtype], act, grad, _threads(count)),
            *(alpha, gain, clamp),
        )
        self._bias_act(parameters)
        return out

    def upfirdn2d(
        self,
        x: Tensor,
        f: Tensor,
        *,
        upx: int,
        upy: int,
        downx: int,
        downy: int,
        padx0: int,
        padx1: int,
        pady0: int,
        pady1: int,
        flip: bool,
        gain: float,
    ) -> Tensor:
        batch, channels, height, width = x.shape
        fh, fw = f.shape
        out_h, out_w = output_size(x, f, upx, upy, downx, downy, padx0, padx1, pady0, pady1)
        layout = memory_format_of(x)
        y = torch.empty((batch, channels, out_h, out_w), dtype=x.dtype, memory_format=layout)
        count = y.numel()
        if count == 0:
            return y
        f = f.contiguous()
        parameters = _UPFIRDN2D.pack(
            *(x.data_ptr(), f.data_ptr(), y.data_ptr()),
            *(batch, channels, height, width, *x.stride(), out_h, out_w, fh, fw),
            *(upx, upy, downx, downy, padx0, pady0),
            *(flip, layout == torch.channels_last, DTYPES[x.dtype], _threads(count)),
            gain,
        )
        self._upfirdn2d(parameters)
        return y


def _threads(count: int) -> int:
    return 1 if count < 2 * ELEMENTS_A_THREAD else torch.get_num_threads()


def _function(library: ctypes.CDLL, name: str) -> Callable[[bytes], None]:
    function = getattr(library, name)
    function.argtypes, function.restype = (ctypes.c_char_p,), ctypes.c_int

    def call(parameters: bytes) -> None:
        if function(parameters):
            raise MemoryError(f"{name} could not allocate memory for its rows.")

    return call
