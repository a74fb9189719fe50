"""Build our operations cold and warm, and upstream's through torch.utils.cpp_extension: CPU and wall seconds.

python tests/benchmarks/build_ops.py --arch sm_90 --ada stylegan2-ada-pytorch --json build_ops.json
"""

from __future__ import annotations

import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch

from zplus_plugins.ops.compiled import build, compilers, cpu_target, cuda
from zplus_plugins.system import cache
from zplus_plugins.system.console import columns

EXTENSION = (
    '#include <torch/extension.h>\nPYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("one", [] { return 1; }); }\n'
)


@click.command()
@click.option("--arch", default="sm_90", show_default=True)
@click.option("--ada", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A stylegan2-ada checkout.")
@click.option("--json", "output", type=click.Path(path_type=Path))
def main(arch: str, ada: Path | None, output: Path | None) -> None:
    width = torch.backends.cpu.get_cpu_capability()
    rows: list[dict[str, Any]] = []
    for name, work in {
        f"ours, cpu {width}, g++": lambda: build.build(cpu_target.target(width)),
        f"ours, cuda {arch}, nvcc": lambda: cuda.with_nvcc(arch),
        f"ours, cuda {arch}, NVRTC": lambda: cuda.with_nvrtc(arch),
    }.items():
        with tempfile.TemporaryDirectory() as folder:
            os.environ[cache.VARIABLE] = folder
            rows += [_timed(f"{name}, cold", work), _timed(f"{name}, warm", work)]
    os.environ["PATH"] = f"{compilers.find_ninja().parent}{os.pathsep}{os.environ['PATH']}"
    os.environ["TORCH_CUDA_ARCH_LIST"] = f"{arch[3:-1]}.{arch[-1]}"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "empty.cpp"
        source.write_text(EXTENSION)
        rows.append(_timed("torch's, one empty function, cold", lambda: _load("empty", [source], folder)))
    for plugin in ("bias_act", "upfirdn2d") if ada else ():
        ops = ada / "torch_utils" / "ops"
        sources = [ops / f"{plugin}.cpp", ops / f"{plugin}.cu"]
        with tempfile.TemporaryDirectory() as folder:
            name = f"torch's, upstream's {plugin}, cold"
            rows.append(_timed(name, lambda s=sources, f=folder, p=plugin: _load(f"{p}_plugin", s, f)))
    keys = ("build", "cpu_s", "wall_s", "result")
    click.echo(columns([keys, *(tuple(str(row[key]) for key in keys) for row in rows)]))
    if output is not None:
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        versions = {"torch": torch.__version__, "nvcc": compilers.find("nvcc").version.split()[-1]}
        output.write_text(json.dumps({**machine, **versions, "builds": rows}, indent=2) + "\n")


def _load(name: str, sources: list[Path], folder: str) -> object:
    from torch.utils import cpp_extension

    return cpp_extension.load(name, list(map(str, sources)), build_directory=folder)


def _timed(name: str, work: Callable[[], object]) -> dict[str, Any]:
    """CPU seconds of this process and its children, and wall clock; what failed is told."""
    wall, used = time.perf_counter(), _cpu_seconds()
    try:
        work()
        result = "built"
    except Exception as error:
        result = f"failed: {str(error).strip().splitlines()[0][:100]}"
    return {
        "build": name,
        "cpu_s": round(_cpu_seconds() - used, 3),
        "wall_s": round(time.perf_counter() - wall, 3),
        "result": result,
    }


def _cpu_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
