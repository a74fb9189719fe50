"""The CPU kernels with faults, one of which is chosen by a variable of the environment, or of the object."""

from __future__ import annotations

import ctypes
from pathlib import Path

from zplus_plugins.ops.compiled import build, cpu, cpu_target
from zplus_plugins.ops.compiled.build import Source, Target
from zplus_plugins.ops.compiled.cpu import CpuKernels

VARIABLE = "ZPLUS_TEST_FAULT"
# By name: the file, what is right, what is wrong, and how the failing call begins and what else it names.
FAULTS = {
    "bias_act's value": (
        "bias_act.cpp",
        "u > A(0) ? u : u * l.below",
        "u < A(0) ? u : u * l.below",
        "bias_act",
        "value",
    ),
    "bias_act's slope": (
        "bias_act.cpp",
        "u > A(0) ? A(1) : u <= A(0) ? slope : lost",
        "u > A(0) ? A(2) : u <= A(0) ? slope : lost",
        "bias_act",
        "first derivative",
    ),
    "bias_act's second derivative": (
        "bias_act.cpp",
        "bell * (A(1) - A(2) * sigmoid)",
        "bell * (A(1) + A(2) * sigmoid)",
        "bias_act (sigmoid",
        "second derivative",
    ),
    "float16 alone": (
        "numbers.h",
        "uint32_t(value.bits & 0x8000u) << 16",
        "uint32_t(value.bits & 0x0000u) << 16",
        "bias_act",
        "float16",
    ),
    "bfloat16 alone": ("numbers.h", "uint32_t(value.bits) << 16", "uint32_t(value.bits) << 15", "bias_act", "bfloat16"),
    "float64 alone": ("bias_act.cpp", "log1p(t)", "log1p(-t)", "bias_act (softplus", "float64"),
    "bias_act in channels last": (
        "bias_act.cpp",
        "x[i] + biases[i]",
        "x[i] - biases[i]",
        "bias_act",
        "channels last",
    ),
    "upfirdn2d's padding": (
        "upfirdn2d.cpp",
        "output * down + tap - pad",
        "output * down + tap + pad",
        "upfirdn2d (up (1, 1)",
        "filter (4, 4)",
    ),
    "upfirdn2d upsampling": ("upfirdn2d.cpp", "out[m * 2] = from[m]", "out[m * 2] = from[0]", "upfirdn2d (up (2,", ""),
    "upfirdn2d downsampling": (
        "upfirdn2d.cpp",
        "out[m] = from[m * 2]",
        "out[m] = from[m * 1]",
        "upfirdn2d (up (1, 1), down (2,",
        "",
    ),
    "upfirdn2d's blur": ("blur.h", "y - p.pady + k", "y + p.pady + k", "upfirdn2d (up (1, 1), down (1, 1)", ""),
    "a bad address": ("upfirdn2d.cpp", "p->dtype > BFLOAT16", "*(volatile int*)8 > BFLOAT16", "upfirdn2d", "SIGSEGV"),
}
NUMBERS = {name: number for number, name in enumerate(FAULTS, 1)}
_CHOSEN = f"""
#include <stdlib.h>
extern "C" __attribute__((visibility("default"))) int zplus_fault;
int zplus_fault = getenv("{VARIABLE}") ? atoi(getenv("{VARIABLE}")) : 0;
"""


def build_faulty(folder: Path) -> Path:
    """The object, made from copies of the sources in a folder."""
    texts = {source.name: source.read_text() for source in cpu_target.CSRC.iterdir() if source.suffix in (".cpp", ".h")}
    for name, (file, right, wrong, *_) in FAULTS.items():
        assert right in texts[file], f"{name}: {file} has no {right}"
        either = f"(zplus_fault == {NUMBERS[name]} ? ({wrong}) : ({right}))"
        if " = " in right:  # a statement
            either = f"if (zplus_fault == {NUMBERS[name]}) {wrong}; else {right}"
        texts[file] = texts[file].replace(right, either)
    texts["numbers.h"] = texts["numbers.h"].replace("#pragma once", '#pragma once\nextern "C" int zplus_fault;', 1)
    texts["bias_act.cpp"] = _CHOSEN + texts["bias_act.cpp"]
    for file, text in texts.items():
        (folder / file).write_text(text)
    sources = (Source(folder / "bias_act.cpp"), Source(folder / "upfirdn2d.cpp"))
    return build.build(Target("faulty", "c++", sources, flags=cpu_target.FLAGS))


def choose_fault(kernels: Path, name: str | None) -> CpuKernels:
    """The kernels of the object in this process, with one fault or none."""
    ctypes.c_int.in_dll(ctypes.CDLL(str(kernels)), "zplus_fault").value = NUMBERS.get(name or "", 0)
    return cpu.opened("faulty", kernels)
