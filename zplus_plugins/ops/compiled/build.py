"""Build a shared object or a cubin with ninja: plain C interfaces, no header of torch, seconds instead of minutes."""

from __future__ import annotations

import platform
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from zplus_plugins.errors import OpsError
from zplus_plugins.ops.compiled import compilers
from zplus_plugins.ops.compiled.compilers import Compiler
from zplus_plugins.system import cache

ABI = 1
"""Of the functions between Python and the objects; raise it when their arguments change."""

BUILD_SECONDS = 600


@dataclass(frozen=True)
class Source:
    """A file to compile, with flags of its own; one file may stand in a target several times."""

    path: Path
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What to build.

    Attributes:
        name: of the finished object, without suffix.
        compiler: ``c++`` makes a shared object of all sources; ``nvcc`` makes a cubin, or PTX, of one.
        sources: what to compile.
        headers: what they include; a change in one means a new build.
        flags: for every source.
        link_flags: for the shared object.
        architecture: for nvcc, ``sm_90`` for a cubin, ``compute_90`` for PTX, which the driver compiles.
    """

    name: str
    compiler: compilers.Kind
    sources: tuple[Source, ...]
    headers: tuple[Path, ...] = ()
    flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()
    architecture: str = ""

    @property
    def file(self) -> str:
        """The finished object's file name."""
        if self.compiler == "c++":
            return f"{self.name}.so"
        return f"{self.name}.{'cubin' if self.architecture.startswith('sm_') else 'ptx'}"

    def key(self) -> str:
        """What the object is made of, all but the compiler."""
        files = [*(source.path for source in self.sources), *self.headers]
        words = [self.name, self.compiler, self.architecture, str(ABI), sys.platform, platform.machine()]
        flags = [*self.flags, "link", *self.link_flags]
        for source in self.sources:
            flags += ["source", *source.flags]
        if any(flag == "-march=native" for flag in flags):
            words.append(compilers.cpu_features())
        return cache.digest(*words, *flags, *(path.read_bytes() for path in files))


def build(target: Target) -> Path:
    """The finished object, from the cache, or built by ninja and put there.

    Where there is no compiler, an object that another compiler has put there is taken.

    Returns:
        Its path; it is complete and has the checksum that it was made with.

    Raises:
        OpsError: one line with the cause, the log, and what to do.
    """
    place = cache.folder() / f"{target.name}-{target.key()}"
    try:
        compiler = compilers.find(target.compiler)
    except OpsError:
        for entry in sorted(place.glob("[0-9a-f]*")):
            found = cache.look_up(entry, target.file)
            if found is not None:
                return found
        raise
    entry = place / cache.digest(str(compiler.path), compiler.version)
    return cache.obtain(entry, target.file, lambda folder: _build(target, compiler, folder))


def _build(target: Target, compiler: Compiler, folder: Path) -> None:
    (folder / "build.ninja").write_text(_ninja_file(target, compiler))
    ninja = compilers.find_ninja()
    command = [str(ninja), "-C", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=BUILD_SECONDS)
    except OSError as error:
        raise OpsError(f"{ninja} cannot be run: {error.strerror}. Run: pip install --force-reinstall ninja") from error
    except subprocess.TimeoutExpired:
        raise OpsError(f"{compiler.path} was not done with {target.file} after {BUILD_SECONDS} s.") from None
    output = done.stdout + done.stderr  # ninja passes the compiler's on as one
    (folder / "build.log").write_text(output)
    if done.returncode != 0:
        log = cache.folder() / f"{target.name}.log"
        log.write_text(output)
        raise OpsError(
            f"{compiler.path} could not build {target.file}: {_cause(output)} (log: {log}). {_remedy(target, output)}"
        )


def _ninja_file(target: Target, compiler: Compiler) -> str:
    """Rules whose commands are whole: every word is quoted for the shell, and for ninja."""
    rules = ["rule run", "  command = $words"]
    objects = []
    for number, source in enumerate(target.sources):
        if target.compiler == "nvcc":
            mode = "-cubin" if target.architecture.startswith("sm_") else "-ptx"
            words = [mode, f"-arch={target.architecture}", "-o", target.file]
            output = target.file
        else:
            output = f"{number}.o"
            words = ["-c", "-fPIC", "-o", output]
            objects.append(output)
        command = [str(compiler.path), *target.flags, *source.flags, *words, str(source.path)]
        rules += [f"build {output}: run", f"  words = {_quoted(command)}"]
    if objects:
        command = [str(compiler.path), "-shared", "-o", target.file, *objects, *target.link_flags]
        rules += [f"build {target.file}: run {' '.join(objects)}", f"  words = {_quoted(command)}"]
    return "\n".join([*rules, f"default {target.file}", ""])


def _quoted(words: list[str]) -> str:
    return shlex.join(words).replace("$", "$$")


def _cause(output: str) -> str:
    """The line of a compiler's output that says most."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"\berror\b|no space left|not found|killed", line, re.IGNORECASE)]
    return (telling or lines or ["it said nothing"])[0][:300]


def _remedy(target: Target, output: str) -> str:
    if "No space left" in output:
        return f"Free some space, or set {cache.VARIABLE} and TMPDIR to folders that have it."
    if target.compiler == "nvcc":
        return "Check that nvcc compiles an empty file, and that its toolkit is whole; CUDA_HOME names another one."
    return "Check that the compiler makes a shared object; CXX names another one."
