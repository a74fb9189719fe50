"""A wheel with the CPU operations in it serves where there is no compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from support.op_implementations import needs_gxx
from support.places import ROOT
from support.pythons import run_python
from zplus_plugins.building import backend
from zplus_plugins.ops.compiled import build, cpu_target

USE = """
import torch
from zplus_plugins.ops import backend, bias_act
from zplus_plugins.ops.compiled import cpu
assert bias_act(torch.tensor([-1.0, 2.0]), act="relu", gain=1).tolist() == [0, 2]
print(backend("cpu"), cpu.load().file)
"""


BUILD = """
import sys
from zplus_plugins.building import backend
backend.build_wheel(sys.argv[1])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As pip has it made: by the hook, in the folder of the sources, in a process of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests")
    source = shutil.copytree(ROOT, folder / "source", ignore=ignored)
    environment = {**os.environ, "ZPLUS_PREBUILT": "1", "PYTHONPATH": str(source)}
    command = [sys.executable, "-c", BUILD, str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@needs_gxx
def test_it_serves_without_a_compiler(wheel: Path, tmp_path: Path) -> None:
    assert wheel.stem.split("-")[2:4] == ["py3", "none"] and wheel.stem.split("-")[4] != "any"
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if ".data/" in name]  # so installing is unpacking
        archive.extractall(site)
    environment = {"PATH": "/nowhere", "PYTHONPATH": str(site), "ZPLUS_CACHE_DIR": str(tmp_path / "cache")}
    left = {name: value for name, value in os.environ.items() if name not in ("CXX", "ZPLUS_OPS")}
    done = run_python(["-c", USE], tmp_path, {**left, **environment, "OMP_NUM_THREADS": "1"}, timeout=600)
    assert done.returncode == 0, done.stderr
    name, _, file = done.stdout.strip().partition(") ")
    assert name.startswith("cpu (") and Path(file).parent == site / "zplus_plugins" / "ops" / "prebuilt", done.stdout
    assert len(list(Path(file).parent.iterdir())) == len(cpu_target.capabilities())
    assert len(list(tmp_path.glob("cache/checks/*/outcome.json"))) == 1  # it was checked, too


def test_a_wheel_s_object_comes_first_unless_a_compiler_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    width = torch.backends.cpu.get_cpu_capability()
    monkeypatch.setattr(cpu_target, "PREBUILT", tmp_path)
    monkeypatch.setattr(build, "build", lambda target: Path("built"))
    monkeypatch.delenv("CXX", raising=False)
    assert cpu_target.obtain(width) == Path("built")
    ready = cpu_target.prebuilt(cpu_target.target(width))
    ready.write_text("")
    assert cpu_target.obtain(width) == ready
    monkeypatch.setenv("CXX", "g++-12")
    assert cpu_target.obtain(width) == Path("built")
    monkeypatch.delenv("CXX")
    monkeypatch.setattr(build, "ABI", build.ABI + 1)  # the wheel's is of other sources
    assert cpu_target.obtain(width) == Path("built")


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_it_is_asked_for_by_a_variable(value: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(backend.VARIABLE, value)
    assert backend._wanted() == expected
    monkeypatch.setenv(backend.VARIABLE, "yes")
    with pytest.raises(ValueError, match="ZPLUS_PREBUILT is 'yes'; expected 1"):
        backend._wanted()
