"""How much memory is free, and what an error looks like when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zplus_plugins.execution.memory import free_memory, is_out_of_memory

CPU = torch.device("cpu")
MB = 2**20


def _write(root: Path, files: dict[str, object]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")


MACHINE = {"proc/meminfo": f"MemTotal: {900 * 1024} kB\nMemAvailable:   {800 * 1024} kB"}
V2 = {
    "proc/self/cgroup": "0::/job/step",
    "sys/fs/cgroup/job/memory.max": 500 * MB,
    "sys/fs/cgroup/job/memory.current": 200 * MB,
    "sys/fs/cgroup/job/memory.stat": f"file 1\ninactive_file {50 * MB}",
    "sys/fs/cgroup/job/step/memory.max": "max",
    "sys/fs/cgroup/job/step/memory.current": 100 * MB,
}
V1 = {
    "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/box\n0::/",
    "sys/fs/cgroup/memory/box/memory.limit_in_bytes": 300 * MB,
    "sys/fs/cgroup/memory/box/memory.usage_in_bytes": 100 * MB,
    "sys/fs/cgroup/memory/memory.limit_in_bytes": 2**63 - 4096,  # none
    "sys/fs/cgroup/memory/memory.usage_in_bytes": 100 * MB,
}
CONTAINER = {
    "proc/self/cgroup": "0::/",
    "sys/fs/cgroup/memory.max": 100 * MB,
    "sys/fs/cgroup/memory.current": 140 * MB,
}


@pytest.mark.parametrize(
    ("files", "free"),
    [(MACHINE, 800), (MACHINE | V2, 350), (MACHINE | V1, 200), (MACHINE | CONTAINER, 0), (V2, 350)],
)
def test_the_tightest_limit_counts(tmp_path: Path, files: dict[str, object], free: int) -> None:
    _write(tmp_path, files)
    assert free_memory(CPU, tmp_path) == free * MB


def test_elsewhere_it_is_all_of_the_machines(tmp_path: Path) -> None:
    found = free_memory(CPU, tmp_path)
    assert found is not None and found > 100 * MB


def test_this_machine_has_some() -> None:
    found = free_memory(CPU)
    assert found is not None and 10 * MB < found < 2**50


def test_errors_that_say_so() -> None:
    with pytest.raises(RuntimeError) as full:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(full.value)
    assert is_out_of_memory(MemoryError()) and is_out_of_memory(torch.cuda.OutOfMemoryError("CUDA out of memory."))
    assert not is_out_of_memory(RuntimeError("shapes do not match")) and not is_out_of_memory(ValueError("memory"))
