"""The compilers on this machine: locations and versions of g++, nvcc and ninja."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zplus_plugins.errors import OpsError

Kind = Literal["c++", "nvcc"]


@dataclass(frozen=True)
class Compiler:
    """A compiler executable.

    Attributes:
        version: its output for ``--version``.
    """

    path: Path
    version: str


def find(kind: Kind) -> Compiler:
    """Find a compiler.

    Raises:
        OpsError: there is none, or it does not run; the message says how to get one.
    """
    for path in _cxx() if kind == "c++" else _nvcc():
        return Compiler(path, _version(path))
    if kind == "c++":
        raise OpsError("There is no C++ compiler (looked at CXX, and for g++, c++ and clang++). Install g++.")
    raise OpsError(
        "There is no nvcc (looked at CUDA_HOME and CUDA_PATH, in PATH and /usr/local/cuda). "
        "Install the CUDA toolkit, or set CUDA_HOME."
    )


def find_ninja() -> Path:
    """ninja, from its Python package, whose executable need not be in PATH, or from PATH.

    Raises:
        OpsError: there is none.
    """
    name = "ninja.exe" if os.name == "nt" else "ninja"
    try:
        files = importlib.metadata.files("ninja") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        # The package's BIN_DIR is wrong in a virtual environment on top of another one; its file list is right.
        path = Path(str(file.locate()))
        if path.name == name and os.access(path, os.X_OK):
            return path.resolve()
    on_path = shutil.which("ninja")
    if on_path is None:
        raise OpsError("There is no ninja (looked for its Python package, and in PATH). Run: pip install ninja")
    return Path(on_path)


def architectures(nvcc: Compiler) -> tuple[str, ...]:
    """The GPU architectures that an nvcc supports, such as ``sm_90``, oldest first.

    Raises:
        OpsError: nvcc does not list them.
    """
    listed = _run(nvcc.path, "--list-gpu-code").split()
    return tuple(sorted((name for name in listed if name.startswith("sm_")), key=lambda name: int(name[3:])))


def architecture_for(wanted: str, known: tuple[str, ...], compiler: str) -> str:
    """The architecture to compile for: that of the GPU, or PTX for the newest older one if the compiler is too old.

    Args:
        wanted: the architecture of the GPU, such as ``sm_90``.
        known: the architectures that the compiler supports, oldest first.
        compiler: its name.

    Raises:
        OpsError: the compiler no longer supports the GPU.
    """
    if wanted in known:
        return wanted
    older = [name for name in known if int(name[3:]) < int(wanted[3:])]
    if not older:
        raise OpsError(
            f"{compiler} compiles for {known[0]} to {known[-1]}, not for {wanted}. "
            "Install an older CUDA toolkit (CUDA 12 is the last for sm_50 to sm_72), and set CUDA_HOME to it."
        )
    return f"compute_{older[-1][3:]}"


@functools.cache
def cpu_features() -> str:
    """The features of this processor, for the key of objects built for it alone."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line for line in lines if line.startswith(("flags", "Features", "model name"))]
    return "\n".join(sorted(set(named))) or platform.processor()


def _cxx() -> Iterator[Path]:
    for name in (os.environ.get("CXX"), "g++", "c++", "clang++"):
        found = shutil.which(name) if name else None
        if found:
            yield Path(found)


def _nvcc() -> Iterator[Path]:
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH")]
    for place in [*(str(Path(home) / "bin") for home in homes if home), None, "/usr/local/cuda/bin"]:
        found = shutil.which("nvcc", path=place)
        if found:
            yield Path(found)


def _version(path: Path) -> str:
    return _run(path, "--version")


def _run(path: Path, *arguments: str) -> str:
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OpsError(f"{path} cannot be run: {error}. Reinstall it.") from error
    if done.returncode != 0:
        raise OpsError(f"{path} {' '.join(arguments)} failed: {(done.stderr or done.stdout).strip()[:300]}")
    return done.stdout
