"""The shared objects for CPUs: how they are built, and those that a wheel brings. Imports no torch."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from zplus_plugins.ops.compiled import build
from zplus_plugins.ops.compiled.build import Source, Target

CSRC = Path(__file__).parents[1] / "csrc"
PREBUILT = Path(__file__).parents[1] / "prebuilt"
# Nothing depends on errno or floating-point exceptions, so loops may be vectorised. Beyond that, -O2 makes the calls of
# StyleGAN no faster, and takes 50 % longer to build.
FLAGS = (
    *(
        "-std=c++17",
        "-O1",
        "-ftree-loop-vectorize",
        "-fvect-cost-model=dynamic",
        "-fno-math-errno",
        "-fno-trapping-math",
        "-fno-exceptions",
        "-fvisibility=hidden",
    ),
    *(() if sys.platform == "darwin" else ("-fopenmp",)),
)
# By torch's names of CPU capabilities.
WIDTHS = {
    "AVX512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"),
    "AVX2": ("-mavx2", "-mfma"),
}


def capabilities() -> tuple[str, ...]:
    """The capabilities that processors of this machine's kind may have, for a wheel."""
    return ("DEFAULT", *(WIDTHS if platform.machine().lower() in ("x86_64", "amd64") else ()))


def target(width: str) -> Target:
    """The target for a capability such as ``AVX512``; the compiler's baseline for an unknown one."""
    name = f"zplus_cpu_{width.lower() if width in WIDTHS else 'baseline'}"
    sources = (Source(CSRC / "bias_act.cpp"), Source(CSRC / "upfirdn2d.cpp"))
    headers = tuple(CSRC / header for header in ("numbers.h", "filter.h", "weigh.h", "blur.h"))
    return Target(name, "c++", sources, headers, (*FLAGS, *WIDTHS.get(width, ())))


def prebuilt(wanted: Target) -> Path:
    """Where a wheel puts the object of a target; its name tells the sources and flags, so an old one is not found."""
    return PREBUILT / f"{wanted.name}-{wanted.key()}.so"


def obtain(width: str) -> Path:
    """The object for a capability: the wheel's, unless ``CXX`` names a compiler; otherwise from the cache, or built.

    The wheel's comes first because it is there at once, and is built with the same flags.

    Raises:
        OpsError: the wheel has none, and it cannot be built.
    """
    wanted = target(width)
    ready = prebuilt(wanted)
    return ready if ready.is_file() and not os.environ.get("CXX") else build.build(wanted)
