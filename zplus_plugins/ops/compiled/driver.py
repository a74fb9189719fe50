"""Load a cubin and launch its kernels through the CUDA driver, by ctypes: no runtime library has to match torch's."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch

from zplus_plugins.errors import OpsError

_RELAXED = 2


@functools.cache
def _library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise OpsError(f"The CUDA driver cannot be loaded: {error}. Install NVIDIA's driver.") from error


def _call(function: str, *arguments: object) -> None:
    status = getattr(_library(), function)(*arguments)
    if status:
        text = ctypes.c_char_p()
        _library().cuGetErrorString(status, ctypes.byref(text))
        raise OpsError(f"{function} failed: {(text.value or b'unknown error').decode()} ({status}).")


def version() -> str:
    """The versions of the CUDA driver: of its interface, and of the kernel module where Linux tells it."""
    number = ctypes.c_int()
    _call("cuDriverGetVersion", ctypes.byref(number))
    module = Path("/proc/driver/nvidia/version")
    return f"{number.value} {module.read_text() if module.exists() else ''}"


class Module:
    """The kernels of one object, loaded for one device.

    All of them are looked up in advance: nothing is loaded later, so launches can be captured in a CUDA graph. A launch
    neither allocates memory nor synchronises.
    """

    def __init__(self, device: torch.device, file: Path, kernels: Iterable[str]) -> None:
        current = torch.cuda.current_device()  # initialises CUDA
        self._device = device
        self._context = ctypes.c_void_p()
        ordinal = ctypes.c_int()
        index = current if device.index is None else device.index
        _call("cuDeviceGet", ctypes.byref(ordinal), index)
        _call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), ordinal)
        self._functions = {}
        with self._current(), _allowed_while_capturing():
            module = ctypes.c_void_p()
            _call("cuModuleLoadData", ctypes.byref(module), file.read_bytes())
            for name in kernels:
                function = ctypes.c_void_p()
                _call("cuModuleGetFunction", ctypes.byref(function), module, name.encode())
                self._functions[name] = function

    def launch(self, kernel: str, grid: tuple[int, int], block: int, parameters: bytes) -> None:
        """Launch a kernel whose only argument is a structure, packed in ``parameters``, on torch's current stream."""
        stream = ctypes.c_void_p(torch.cuda.current_stream(self._device).cuda_stream)
        arguments = (ctypes.c_char_p * 1)(parameters)
        sizes = (*grid, 1, block, 1, 1, 0)
        with self._current():
            _call("cuLaunchKernel", self._functions[kernel], *sizes, stream, arguments, None)

    @contextlib.contextmanager
    def _current(self) -> Iterator[None]:
        """Make the device's context current in this thread, because autograd uses its own threads."""
        now = ctypes.c_void_p()
        _call("cuCtxGetCurrent", ctypes.byref(now))
        if now.value == self._context.value:
            yield
            return
        _call("cuCtxPushCurrent_v2", self._context)
        try:
            yield
        finally:
            _call("cuCtxPopCurrent_v2", ctypes.byref(now))


@contextlib.contextmanager
def _allowed_while_capturing() -> Iterator[None]:
    mode = ctypes.c_int(_RELAXED)
    _call("cuThreadExchangeStreamCaptureMode", ctypes.byref(mode))
    try:
        yield
    finally:
        _call("cuThreadExchangeStreamCaptureMode", ctypes.byref(mode))
