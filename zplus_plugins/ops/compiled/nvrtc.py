"""NVRTC, the compiler that comes with torch, which compiles CUDA sources to a cubin on machines without nvcc."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import torch

from zplus_plugins.errors import OpsError
from zplus_plugins.ops.compiled.build import Target
from zplus_plugins.system import cache


class Nvrtc:
    """An NVRTC library."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        self.version = f"{major.value}.{minor.value}"

    def architectures(self) -> tuple[str, ...]:
        """The GPU architectures that it compiles for, such as ``sm_90``, oldest first."""
        count = ctypes.c_int()
        self._call("nvrtcGetNumSupportedArchs", ctypes.byref(count))
        numbers = (ctypes.c_int * count.value)()
        self._call("nvrtcGetSupportedArchs", numbers)
        return tuple(f"sm_{number}" for number in sorted(numbers))

    def build(self, target: Target) -> Path:
        """The object of a target for nvcc, from the cache, or compiled and added to it.

        Raises:
            OpsError: compilation failed; one line with the cause, the log, and what to do.
        """
        entry = cache.folder() / f"{target.name}-{target.key()}" / cache.digest("NVRTC", self.version)
        return cache.obtain(entry, target.file, lambda folder: self._make(target, folder / target.file))

    def _make(self, target: Target, file: Path) -> None:
        (source,) = target.sources
        names = (ctypes.c_char_p * len(target.headers))(*(path.name.encode() for path in target.headers))
        texts = (ctypes.c_char_p * len(target.headers))(*(path.read_bytes() for path in target.headers))
        program, text = ctypes.c_void_p(), source.path.read_bytes()
        name = source.path.name.encode()
        self._call("nvrtcCreateProgram", ctypes.byref(program), text, name, len(target.headers), texts, names)
        try:
            options = [f"--gpu-architecture={target.architecture}".encode(), b"--std=c++17"]
            status = self._library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * 2)(*options))
            log = self._text("ProgramLog", program).decode(errors="replace")
            if status:
                self._refuse(target, log)
            kind = "CUBIN" if target.architecture.startswith("sm_") else "PTX"
            file.write_bytes(self._text(kind, program))
        finally:
            self._call("nvrtcDestroyProgram", ctypes.byref(program))

    def _refuse(self, target: Target, log: str) -> None:
        path = cache.folder() / f"{target.name}.log"
        path.write_text(log)
        cause = next((line for line in log.splitlines() if "error" in line), "no error was given")
        raise OpsError(
            f"NVRTC {self.version} could not compile {target.file}: {cause[:300]} (log: {path}). Install nvcc."
        )

    def _text(self, what: str, program: ctypes.c_void_p) -> bytes:
        size = ctypes.c_size_t()
        self._call(f"nvrtcGet{what}Size", program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        self._call(f"nvrtcGet{what}", program, buffer)
        return buffer.raw.rstrip(b"\0") if what == "ProgramLog" else buffer.raw

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            get_text = self._library.nvrtcGetErrorString
            get_text.restype = ctypes.c_char_p
            raise OpsError(f"{function} failed: {get_text(status).decode()}. Reinstall torch, or install nvcc.")


@functools.cache
def find() -> Nvrtc:
    """NVRTC, from torch's wheels or this machine's libraries.

    Raises:
        OpsError: there is none.
    """
    for place in _places():
        try:
            return Nvrtc(ctypes.CDLL(place))
        except OSError:
            continue
    raise OpsError(
        f"There is no NVRTC library for torch {torch.__version__} (built for CUDA {torch.version.cuda or 'none'}). "
        "Install the CUDA toolkit, or a torch built for CUDA."
    )


def _places() -> Iterator[str]:
    """Possible locations of the library, first for the CUDA version that torch was built for."""
    major = (torch.version.cuda or "").partition(".")[0]
    spec = importlib.util.find_spec("nvidia")
    folders = [Path(torch.__file__).parent / "lib"]
    folders += [Path(place) for place in (spec.submodule_search_locations or () if spec else ())]
    files = [file for folder in folders for file in sorted(folder.rglob("libnvrtc.so*"), reverse=True)]
    files += [file for folder in folders for file in sorted(folder.glob("libnvrtc-*.so*"), reverse=True)]
    yield from map(str, sorted(files, key=lambda file: not file.name.endswith(f".so.{major}")))
    yield from (f"libnvrtc.so.{major}", "libnvrtc.so") if major else ()
    if os.environ.get("CUDA_HOME"):
        yield str(Path(os.environ["CUDA_HOME"]) / "lib64" / "libnvrtc.so")
