"""Build a shared object or a cubin with ninja: plain C interfaces without torch's headers, in seconds, not minutes."""

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
"""The version of the interface between Python and the objects; raise it when arguments change."""

BUILD_SECONDS = 600


@dataclass(frozen=True)
class Source:
    """A file to compile, with its own flags; a target may contain the same file several times."""

    path: Path
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What to build.

    Attributes:
        name: name of the object, without suffix.
        compiler: ``c++`` builds a shared object from all sources; ``nvcc`` builds a cubin, or PTX, from one.
        sources: files to compile.
        headers: files that they include; a change in one causes a new build.
        flags: flags for every source.
        link_flags: flags for linking the shared object.
        architecture: for nvcc, ``sm_90`` for a cubin, or ``compute_90`` for PTX, which the driver compiles.
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
        """The file name of the object."""
        if self.compiler == "c++":
            return f"{self.name}.so"
        return f"{self.name}.{'cubin' if self.architecture.startswith('sm_') else 'ptx'}"

    def key(self) -> str:
        """A key of everything that determines the object, except the compiler."""
        files = [*(source.path for source in self.sources), *self.headers]
        words = [self.name, self.compiler, self.architecture, str(ABI), sys.platform, platform.machine()]
        flags = [*self.flags, "link", *self.link_flags]
        for source in self.sources:
            flags += ["source", *source.flags]
        if any(flag == "-march=native" for flag in flags):
            words.append(compilers.cpu_features())
        return cache.digest(*words, *flags, *(path.read_bytes() for path in files))


def build(target: Target) -> Path:
    """The object, from the cache, or built by ninja and added to it.

    If there is no compiler, an object from another compiler is used.

    Returns:
        Its path; its checksum has been verified.

    Raises:
        OpsError: the build failed; one line with the cause, the log, and what to do.
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
        raise OpsError(f"{compiler.path} did not finish {target.file} within {BUILD_SECONDS} s.") from None
    output = done.stdout + done.stderr  # ninja merges the compiler's streams
    (folder / "build.log").write_text(output)
    if done.returncode != 0:
        log = cache.folder() / f"{target.name}.log"
        log.write_text(output)
        raise OpsError(
            f"{compiler.path} could not build {target.file}: {_cause(output)} (log: {log}). {_remedy(target, output)}"
        )


def _ninja_file(target: Target, compiler: Compiler) -> str:
    """A ninja file with complete commands, in which every word is quoted for the shell and for ninja."""
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
    """The most informative line of a compiler's output."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"\berror\b|no space left|not found|killed", line, re.IGNORECASE)]
    return (telling or lines or ["there was no output"])[0][:300]


def _remedy(target: Target, output: str) -> str:
    if "No space left" in output:
        return f"Free some space, or set {cache.VARIABLE} and TMPDIR to folders with free space."
    if target.compiler == "nvcc":
        return "Check that nvcc compiles an empty file, and that its toolkit is complete; set CUDA_HOME to use another."
    return "Check that the compiler can build a shared object; set CXX to use another."
