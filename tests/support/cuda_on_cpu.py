"""The CUDA sources compiled as C++, so that their arithmetic runs where there is no GPU: thread after thread.

It shows nothing of memory, warps or speed.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

from zplus_plugins.ops.compiled.cuda import CSRC, CudaKernels

HARNESS = """
#include <cmath>
#include <cstring>
#define __device__
#define __global__
#define __noinline__
#define __launch_bounds__(threads)
struct Index { unsigned int x, y; };
static Index blockIdx, threadIdx, blockDim, gridDim;
static unsigned int __umulhi(unsigned int a, unsigned int b) { return (unsigned long long)a * b >> 32; }
static float __uint_as_float(unsigned int bits) { float v; std::memcpy(&v, &bits, 4); return v; }
static unsigned int __float_as_uint(float v) { unsigned int bits; std::memcpy(&bits, &v, 4); return bits; }
static void convert(float& to, unsigned short from) { _Float16 v; std::memcpy(&v, &from, 2); to = v; }
static void convert(unsigned short& to, float from) { _Float16 v = from; std::memcpy(&to, &v, 2); }
#include "ops.cu"
template <class Parameters>
static void run(void (*kernel)(Parameters), const Parameters& p, Index grid, unsigned int block) {
  gridDim = grid;
  blockDim = {block, 1};
  for (blockIdx.y = 0; blockIdx.y < grid.y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < grid.x; ++blockIdx.x)
      for (threadIdx.x = 0; threadIdx.x < block; ++threadIdx.x) kernel(p);
}
extern "C" void run_bias_act(void (*kernel)(BiasAct), const BiasAct* p, unsigned x, unsigned y, unsigned block) {
  run(kernel, *p, {x, y}, block);
}
extern "C" void run_upfirdn2d(void (*kernel)(Upfirdn2d), const Upfirdn2d* p, unsigned x, unsigned y, unsigned block) {
  run(kernel, *p, {x, y}, block);
}
"""
_ASSEMBLY = re.compile(r'asm\("cvt\S+ %0, %1;" : "=\w"\(([\w.]+)\) : "\w"\(([\w.]+)\)\)')


def kernels_on_cpu(folder: Path) -> CudaKernels:
    """The CUDA kernels and their launcher, for tensors on the CPU."""
    for source in CSRC.glob("*.cu*"):
        (folder / source.name).write_text(_ASSEMBLY.sub(r"convert(\1, \2)", source.read_text()))
    (folder / "harness.cpp").write_text(HARNESS)
    flags = ["-std=c++17", "-O1", "-shared", "-fPIC", "-w"]
    subprocess.run(["g++", *flags, "-o", "harness.so", "harness.cpp"], cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "harness.so"))

    def launch(kernel: str, grid: tuple[int, int], block: int, parameters: bytes) -> None:
        assert grid[0] < 2**31 and grid[1] < 2**16
        runner = library.run_bias_act if kernel.startswith("bias_act") else library.run_upfirdn2d
        runner(getattr(library, kernel), parameters, *grid, block)

    return CudaKernels("cuda on the CPU", launch, folder / "harness.so")
