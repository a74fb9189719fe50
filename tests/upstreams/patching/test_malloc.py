"""``--tune-malloc``: the allocator keeps what tensors give back, for the run alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from zplus_plugins.cli.main import main
from zplus_plugins.errors import UsageError
from zplus_plugins.system import malloc as system_malloc
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.patching import malloc

# Page faults of eight large buffers, one after the other; a tensor's memory comes from the same allocator.
FAULTS = """
import ctypes, json, resource
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.patching.malloc import tune
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        buffer = libc.malloc(64 * 2**20)
        ctypes.memset(buffer, 1, 64 * 2**20)
        libc.free(buffer)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
found = [faults()]
with Journal() as journal:
    tune(journal)
    found.append(faults())
found.append(faults())
print(json.dumps(found))
"""

linux = pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")


@linux
def test_freed_memory_is_kept_and_given_back_at_the_end(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], check=True, capture_output=True, text=True, cwd=tmp_path)
    before, tuned, after = eval(done.stdout)
    assert tuned < before / 4
    assert after > 4 * tuned


@linux
@pytest.mark.parametrize(("threshold", "kept"), [("65536", True), ("2147483647", False), ("", False), ("x", False)])
def test_early_trimming_is_undone(monkeypatch: pytest.MonkeyPatch, threshold: str, kept: bool) -> None:
    given: list[dict[int, int]] = []
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", threshold)
    monkeypatch.setattr(system_malloc, "set_parameters", lambda values: given.append(dict(values)) or True)
    system_malloc.undo_early_trimming()
    assert bool(given) == kept


@linux
def test_trimming_late_keeps_memory(tmp_path: Path) -> None:
    script = FAULTS.replace("tune(journal)", "undo_early_trimming()").replace("64 * 2**20", "8 * 2**20")
    script = f"from zplus_plugins.system.malloc import undo_early_trimming\n{script}"
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    before, undone, _ = eval(done.stdout)
    assert undone < before / 4


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_platforms_are_told(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(system_malloc, "_libc", system_malloc._libc.__wrapped__)
    with Journal() as journal, pytest.raises(UsageError, match=f"this is {platform}.* Run without --tune-malloc"):
        malloc.tune(journal)


@linux
def test_an_allocator_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malloc, "set_parameters", lambda values: False)
    with Journal() as journal, pytest.raises(UsageError, match="mallopt refused"):
        malloc.tune(journal)


def test_help_says_what_it_costs() -> None:
    text = " ".join(CliRunner().invoke(main, ["run", "--help"]).output.split())
    assert "--tune-malloc" in text
    assert "1 GB more memory" in text
