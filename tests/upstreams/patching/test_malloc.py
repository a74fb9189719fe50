"""``--tune-malloc``: the allocator keeps what tensors give back, for the run alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from zplus_plugins.cli.main import main
from zplus_plugins.errors import UsageError
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


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_platforms_are_told(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with Journal() as journal, pytest.raises(UsageError, match=f"this is {platform}.* Run without --tune-malloc"):
        malloc.tune(journal)


@linux
def test_an_allocator_that_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(malloc, "_set", lambda libc, values: False)
    with Journal() as journal, pytest.raises(UsageError, match="mallopt refused"):
        malloc.tune(journal)


def test_help_says_what_it_costs() -> None:
    text = " ".join(CliRunner().invoke(main, ["run", "--help"]).output.split())
    assert "--tune-malloc" in text
    assert "1 GB more memory" in text
