"""Building operations: once, whole, from whatever state; and one line with cause and remedy where it cannot be."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.op_implementations import needs_gxx
from zplus_plugins.errors import OpsError
from zplus_plugins.ops.compiled import build, compilers
from zplus_plugins.ops.compiled.build import Source, Target
from zplus_plugins.ops.compiled.compilers import Compiler
from zplus_plugins.system import cache

# Runs what stands behind it, counts itself first, and takes its time.
SLOW_GXX = """#!/bin/sh
case "$1" in --version) exec g++ --version;; esac
echo run >> {count}
sleep {seconds}
exec g++ "$@"
"""
# Builds without importing torch, which would take longer than all the rest.
BUILD = """
import sys, types
from pathlib import Path, PosixPath, WindowsPath
for name, folder in (("zplus_plugins", Path(sys.argv[1])), ("zplus_plugins.ops", Path(sys.argv[1]) / "ops")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [str(folder)]
from zplus_plugins.ops.compiled.build import Source, Target, build
print(build(eval(sys.argv[2])))
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    source = tmp_path / "with space $1" / "one.cpp"
    source.parent.mkdir()
    source.write_text('#include "number.h"\nextern "C" int FUNCTION() { return NUMBER; }\n')
    header = source.with_name("number.h")
    header.write_text("#define NUMBER 7\n")
    sources = (Source(source, ("-DFUNCTION=one",)), Source(source, ("-DFUNCTION=other",)))
    return Target("test", "c++", sources, (header,), ("-O1",))


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def one_line(error: pytest.ExceptionInfo[OpsError], *parts: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    for part in parts:
        assert part in text


def processes(target: Target, folder: Path, number: int) -> list[subprocess.Popen[str]]:
    """Processes that build the target, all at once."""
    command = [sys.executable, "-c", BUILD, str(Path(build.__file__).parents[2]), repr(target)]
    return [subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) for _ in range(number)]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@needs_gxx
def test_an_object_is_built_once_and_found_again(target: Target, own_cache: Path) -> None:
    file = build.build(target)
    library = ctypes.CDLL(str(file))
    assert (library.one(), library.other()) == (7, 7)
    assert file.is_relative_to(own_cache)
    before = file.stat().st_mtime_ns
    assert build.build(target) == file
    assert file.stat().st_mtime_ns == before
    assert [path.name for path in own_cache.rglob(".*") if path.is_dir()] == []


def test_the_key_covers_sources_headers_and_flags(target: Target) -> None:
    from dataclasses import replace

    keys = [
        target.key(),
        replace(target, flags=("-O2",)).key(),
        replace(target, link_flags=("-O1",), flags=()).key(),
        replace(target, architecture="sm_90").key(),
        replace(target, flags=("-O1", "-march=native")).key(),
        replace(target, sources=target.sources[::-1]).key(),
    ]
    target.headers[0].write_text("#define NUMBER 8\n")
    keys.append(target.key())
    target.sources[0].path.write_text('extern "C" int FUNCTION() { return 9; }\n')
    assert len({*keys, target.key()}) == len(keys) + 1


@needs_gxx
def test_another_compiler_means_another_object(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build.build(target)
    monkeypatch.setenv("CXX", str(executable(tmp_path / "bin" / "g++", SLOW_GXX.format(count="/dev/null", seconds=0))))
    assert build.build(target) != first


@needs_gxx
def test_eight_processes_build_once(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = tmp_path / "count"
    monkeypatch.setenv("CXX", str(executable(tmp_path / "g++", SLOW_GXX.format(count=count, seconds=0.2))))
    running = processes(target, tmp_path, 8)
    results = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0] * 8
    assert len(results) == 1
    assert count.read_text().count("run") == 3  # two compilations and a link


@pytest.mark.kill
@needs_gxx
def test_a_killed_builder_is_not_waited_for(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = tmp_path / "count"
    slow = executable(tmp_path / "g++", SLOW_GXX.format(count=count, seconds=3))
    monkeypatch.setenv("CXX", str(slow))
    (builder,) = processes(target, tmp_path, 1)
    wait_for(count.exists)
    os.kill(builder.pid, signal.SIGKILL)
    builder.communicate()
    # Its compiler goes on, and the system lets nobody write to a program that runs.
    executable(tmp_path / "new", SLOW_GXX.format(count=count, seconds=0)).replace(slow)
    file = build.build(target)
    assert ctypes.CDLL(str(file)).one() == 7
    assert not list(file.parents[1].glob(".*.tmp*"))


@needs_gxx
@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(b"\x7fELF"), Path.unlink])
def test_a_damaged_object_is_built_anew(target: Target, damage: Callable[[Path], None]) -> None:
    file = build.build(target)
    whole = file.read_bytes()
    damage(file)
    assert build.build(target) == file
    assert file.read_bytes() == whole
    assert [path.name for path in file.parents[1].iterdir() if path.is_dir()] == [file.parent.name]


@needs_gxx
def test_a_damaged_marker(target: Target) -> None:
    file = build.build(target)
    (file.parent / "ok").write_bytes(b"\xff\xfe")
    assert build.build(target) == file
    assert (file.parent / "ok").read_bytes() != b"\xff\xfe"


def test_no_compiler(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OpsError) as error:
        build.build(target)
    one_line(error, "no C++ compiler", "Install g++")


@needs_gxx
def test_what_was_built_ahead_serves_without_a_compiler(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    file = build.build(target)
    monkeypatch.setenv("PATH", "/nowhere")
    assert build.build(target) == file


@needs_gxx
def test_a_compiler_that_fails(target: Target, own_cache: Path) -> None:
    target.headers[0].write_text("#error Number is unknown.\n")
    with pytest.raises(OpsError) as error:
        build.build(target)
    log = own_cache / "test.log"
    one_line(error, "g++ could not build test.so", "Number is unknown", str(log), "CXX")
    assert "Number is unknown" in log.read_text()
    assert not list(own_cache.rglob("*.tmp*"))


def test_a_compiler_that_does_not_run(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", str(executable(tmp_path / "g++", "#!/bin/sh\necho broken >&2\nexit 3\n")))
    with pytest.raises(OpsError) as error:
        build.build(target)
    one_line(error, "--version failed: broken")


@needs_gxx
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_cache_that_cannot_be_written(target: Target, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str) -> int:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(OpsError) as error:
        build.build(target)
    one_line(error, "cannot be written", os.strerror(number), cache.VARIABLE)


@needs_gxx
def test_a_cache_that_is_a_file(target: Target, own_cache: Path) -> None:
    own_cache.write_text("")
    with pytest.raises(OpsError) as error:
        build.build(target)
    one_line(error, str(own_cache), cache.VARIABLE)


@needs_gxx
def test_a_compiler_that_finds_the_disk_full(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SLOW_GXX.format(count="/dev/null", seconds=0)
    full = "echo 'one.cpp: fatal error: error writing to one.s: No space left on device' >&2; exit 1"
    monkeypatch.setenv("CXX", str(executable(tmp_path / "g++", text.replace('exec g++ "$@"', full))))
    with pytest.raises(OpsError) as error:
        build.build(target)
    one_line(error, "No space left on device", cache.VARIABLE)


@needs_gxx
def test_a_read_only_cache_that_is_filled_serves(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    file = build.build(target)
    monkeypatch.setattr(Path, "mkdir", lambda *args, **kwargs: pytest.fail("the cache is written to"))
    assert build.build(target) == file


@needs_gxx
def test_a_lock_that_is_never_let_go(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(cache, "LOCK_SECONDS", 0.05)
    file = build.build(target)
    file.unlink()
    with (file.parents[1] / f".{file.parent.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(OpsError) as error:
            build.build(target)
    one_line(error, "Another process", ".lock", cache.VARIABLE)


@needs_gxx
def test_a_file_system_without_locks(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(pytest.importorskip("fcntl"), "flock", refuse)
    assert build.build(target).exists()


def test_ninja_comes_from_its_package_where_path_has_none(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        compilers.shutil, "which", lambda name, path=None: f"/usr/bin/{name}" if name == "g++" else None
    )
    assert build.build(target).exists()


def test_ninja_comes_from_path_where_its_package_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise compilers.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(compilers.importlib.metadata, "files", absent)
    monkeypatch.setenv("PATH", str(executable(tmp_path / "bin" / "ninja", "#!/bin/sh\n").parent))
    assert compilers.find_ninja() == tmp_path / "bin" / "ninja"
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OpsError) as error:
        compilers.find_ninja()
    one_line(error, "pip install ninja")


@needs_gxx
def test_a_ninja_that_cannot_be_run(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilers, "find_ninja", lambda: executable(tmp_path / "ninja", "no program"))
    with pytest.raises(OpsError) as error:
        build.build(target)
    one_line(error, "ninja cannot be run: Exec format error", "pip install")


def test_nvcc_is_taken_from_cuda_home_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "#!/bin/sh\necho nvcc of {0}\n"
    for place in ("home", "path"):
        executable(tmp_path / place / "bin" / "nvcc", said.format(place))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path' / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "home"))
    assert compilers.find("nvcc") == Compiler(tmp_path / "home" / "bin" / "nvcc", "nvcc of home\n")
    monkeypatch.delenv("CUDA_HOME")
    monkeypatch.delenv("CUDA_PATH", raising=False)
    assert compilers.find("nvcc").version == "nvcc of path\n"


@pytest.mark.parametrize(
    ("wanted", "found"), [("sm_90", "sm_90"), ("sm_87", "compute_80"), ("sm_103", "compute_90"), ("sm_75", "sm_75")]
)
def test_a_newer_gpu_gets_ptx(wanted: str, found: str) -> None:
    assert compilers.architecture_for(wanted, ("sm_75", "sm_80", "sm_90"), "nvcc") == found


def test_an_older_gpu_is_refused() -> None:
    with pytest.raises(OpsError) as error:
        compilers.architecture_for("sm_70", ("sm_75", "sm_90"), "nvcc")
    one_line(error, "sm_75 to sm_90", "sm_70", "CUDA 12")
