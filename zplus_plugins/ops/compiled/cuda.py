"""The operations on a CUDA device: the choice of kernel, grid and memory layout."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from zplus_plugins.errors import OpsError
from zplus_plugins.ops.compiled import build, compilers, driver, nvrtc
from zplus_plugins.ops.compiled.build import Source, Target
from zplus_plugins.ops.compiled.inputs import bias_act_inputs
from zplus_plugins.ops.definition.reference import memory_format_of, output_size

CSRC = Path(__file__).parents[1] / "csrc"
DTYPES = {
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.float32: "float32",
    torch.float64: "float64",
}
# Factors up and down along x and y, and the filter's width and height; csrc/ops.cu has a kernel for each.
FAST = tuple(
    f"{factors}_{size}"
    for size, all_factors in {
        "44": ("11_11", "22_11", "11_22"),
        "c1": ("11_11", "21_11", "11_21"),
        "1c": ("11_11", "12_11", "11_12"),
    }.items()
    for factors in all_factors
)
KERNELS = tuple(
    [f"bias_act_{dtype}_{grad}" for dtype in DTYPES.values() for grad in range(3)]
    + [f"upfirdn2d_{dtype}_general" for dtype in DTYPES.values()]
    + [f"upfirdn2d_{dtype}_{name}" for dtype in DTYPES.values() if dtype != "float64" for name in FAST]
)

# The structures declared in bias_act.cuh and upfirdn2d.cuh.
_BIAS_ACT = struct.Struct("=6Q2q3d4i")
_UPFIRDN2D = struct.Struct("=3Q2qf6i7i7iiiI3I3I")
_BIAS_ACT_BLOCK = 256
_UPFIRDN2D_BLOCK = 128
_ROWS = 4
_MOST = 2**31 - 1

T = TypeVar("T")
Launch = Callable[[str, tuple[int, int], int, bytes], None]


def load(device: torch.device) -> CudaKernels:
    """The kernels for a device: from the cache, built by nvcc, or by NVRTC if nvcc fails.

    Raises:
        OpsError: both failed; the message has both reasons.
    """
    major, minor = torch.cuda.get_device_capability(device)
    architecture = f"sm_{major}{minor}"
    return obtain(architecture, lambda file: opened(device, f"cuda {architecture}", file))


def opened(device: torch.device, name: str, file: Path) -> CudaKernels:
    """The kernels in an object, loaded for a device.

    Raises:
        OpsError: the driver refuses it.
    """
    return CudaKernels(name, driver.Module(device, file, KERNELS).launch, file)


def obtain(architecture: str, use: Callable[[Path], T]) -> T:
    """Pass the object for a GPU architecture such as ``sm_90`` to ``use``: first nvcc's and, if that fails, NVRTC's.

    Raises:
        OpsError: both failed; the message has both reasons.
    """
    try:
        return use(with_nvcc(architecture))
    except OpsError as first:
        try:
            return use(with_nvrtc(architecture))
        except OpsError as second:
            raise OpsError(f"{first} And without nvcc: {second}") from None


def target(architecture: str) -> Target:
    """The target for ``sm_90`` (a cubin) or ``compute_90`` (PTX)."""
    headers = tuple(sorted(CSRC.glob("*.cuh")))
    return Target("zplus_cuda", "nvcc", (Source(CSRC / "ops.cu"),), headers, ("-O3",), architecture=architecture)


def with_nvcc(wanted: str) -> Path:
    """The object for a GPU architecture, from the cache or by nvcc."""
    try:
        known = compilers.architectures(compilers.find("nvcc"))
    except OpsError:
        return build.build(target(wanted))  # may have been built in advance; otherwise raises the reason
    return build.build(target(compilers.architecture_for(wanted, known, "nvcc")))


def with_nvrtc(wanted: str) -> Path:
    """The object for a GPU architecture, from the cache or by NVRTC."""
    compiler = nvrtc.find()
    return compiler.build(target(compilers.architecture_for(wanted, compiler.architectures(), "NVRTC")))


class CudaKernels:
    """See :class:`~zplus_plugins.ops.choice.Kernels`; ``launch`` is that of :class:`~.driver.Module` from ``file``."""

    def __init__(self, name: str, launch: Launch, file: Path) -> None:
        self.name, self.file = name, file
        self._launch = launch

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
        pointers = [0 if t is None else t.data_ptr() for t in (*tensors, out)]
        aligned = not any(pointer % 16 for pointer in (pointers[0], *pointers[2:]))
        parameters = _BIAS_ACT.pack(*pointers, count, step, alpha, gain, clamp, channels, act, aligned, 0)
        blocks = -(-count // (_BIAS_ACT_BLOCK * (16 // out.element_size())))
        self._launch(f"bias_act_{DTYPES[out.dtype]}_{grad}", (blocks, 1), _BIAS_ACT_BLOCK, parameters)
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
        f = f.to(torch.float32).contiguous()
        images, channels, height, width = x.shape
        fh, fw = f.shape
        out_h, out_w = output_size(x, f, upx, upy, downx, downy, padx0, padx1, pady0, pady1)
        if max(images, height * upy, width * upx, out_h * downy, out_w * downx) > _MOST - 2**16:
            raise OpsError(
                f"upfirdn2d on CUDA supports at most 2^31 images, rows and columns; x has shape {tuple(x.shape)}, "
                f"upsampled {upx} x {upy} times. Split it."
            )
        layout = memory_format_of(x)
        y = torch.empty((images, channels, out_h, out_w), dtype=x.dtype, device=x.device, memory_format=layout)
        if y.numel() == 0:
            return y
        _require_size(x)
        _require_size(y)

        name = f"{upx}{upy}_{downx}{downy}_{fw:x}{fh:x}"
        rows = _ROWS
        if name not in FAST or x.dtype == torch.float64:
            name, rows = "general", 1
        skipped = pady0 & 1 if rows > 1 and upy == 2 else 0  # packets start where upfirdn2d.cuh expects them
        strips = -(-(out_h + skipped) // rows)
        channels_last = layout == torch.channels_last
        inner, middle = (channels, out_w) if channels_last else (out_w, strips)
        threads = channels * out_w * strips
        parameters = _UPFIRDN2D.pack(
            *(x.data_ptr(), f.data_ptr(), y.data_ptr(), x.stride(0), y.stride(0), gain),
            *(*_within_image(x), *_within_image(y)),
            *(images, height, width, out_h, out_w, fh, fw),
            *(upx, upy, downx, downy, padx0, pady0, flip),
            *(channels_last, 0, threads, *_divisor(inner), *_divisor(middle)),
        )
        grid = (-(-threads // _UPFIRDN2D_BLOCK), min(images, 65535))
        self._launch(f"upfirdn2d_{DTYPES[x.dtype]}_{name}", grid, _UPFIRDN2D_BLOCK, parameters)
        return y


def _within_image(x: Tensor) -> tuple[int, ...]:
    """Strides of channels, rows and columns; 0 along an axis of size 1, whose stride is arbitrary."""
    return tuple(0 if size == 1 else stride for size, stride in zip(x.shape[1:], x.stride()[1:], strict=True))


def _require_size(x: Tensor) -> None:
    """Require that an image can be indexed with 32 bits; batches may have any size."""
    last = sum((size - 1) * stride for size, stride in zip(x.shape[1:], _within_image(x), strict=True))
    if last > _MOST or x[0].numel() > _MOST:
        raise OpsError(
            f"upfirdn2d on CUDA supports images of at most 2^31 elements; this one has shape {tuple(x.shape[1:])} and "
            f"spans {last + 1} elements of memory. Split it by channels."
        )


@functools.lru_cache(maxsize=1024)
def _divisor(value: int) -> tuple[int, int, int]:
    """Division of n < 2^31 by multiplication: ``n // value == ((n * factor >> 32) + n) >> shift``."""
    shift = (value - 1).bit_length()
    factor = ((1 << 32) * ((1 << shift) - value)) // value + 1
    return value, factor, shift
