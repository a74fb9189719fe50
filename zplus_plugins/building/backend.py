"""The build backend: setuptools', with the description for an index, and prebuilt wheels. Imports no torch.

With ``ZPLUS_PREBUILT=1``, a wheel gets the operations for every CPU capability, compiled by the C++ compiler at hand.
They have a plain C interface, so its tag names a platform, but neither a version of Python nor one of torch. Otherwise,
and from an sdist by default, the wheel is pure, and needs no compiler.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import setuptools
from setuptools import build_meta
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import manifest_maker

from zplus_plugins.building import description

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]
VARIABLE = "ZPLUS_PREBUILT"
CONTENTS = ".ci/sdist.in"
"""What an sdist holds beside the packages; setuptools looks for a MANIFEST.in in the top folder otherwise."""


class Described(setuptools.Distribution):
    """A distribution with the description for an index, and the addresses of the repository if it is known."""

    def parse_config_files(self, *arguments: Any, **options: Any) -> None:
        super().parse_config_files(*arguments, **options)
        metadata, address = self.metadata, description.repository()
        metadata.long_description = description.for_an_index(metadata.long_description, address, metadata.version)
        if address is not None:
            metadata.project_urls = {**description.project_urls(address, metadata.version), **metadata.project_urls}


def _described(hook: Callable[..., Any], **commands: type[Any]) -> Callable[..., Any]:
    """One of setuptools' hooks, for our distribution and with our commands.

    The hooks call ``setuptools.setup()`` themselves if there is no setup.py, and let nobody else name these.
    """

    @functools.wraps(hook)
    def run(*arguments: Any, **options: Any) -> Any:
        setup = functools.partial(setuptools.setup, distclass=Described, cmdclass=commands)
        with mock.patch.object(setuptools, "setup", setup), mock.patch.object(manifest_maker, "template", CONTENTS):
            return hook(*arguments, **options)

    return run


build_editable = _described(build_meta.build_editable)
build_sdist = _described(build_meta.build_sdist)
get_requires_for_build_editable = _described(build_meta.get_requires_for_build_editable)
get_requires_for_build_sdist = _described(build_meta.get_requires_for_build_sdist)
get_requires_for_build_wheel = _described(build_meta.get_requires_for_build_wheel)
prepare_metadata_for_build_editable = _described(build_meta.prepare_metadata_for_build_editable)
prepare_metadata_for_build_wheel = _described(build_meta.prepare_metadata_for_build_wheel)


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """PEP 517's hook: with our commands if the operations are wanted."""
    commands = {"build_py": BuildWithOps, "bdist_wheel": PlatformWheel} if _wanted() else {}
    return str(_described(build_meta.build_wheel, **commands)(wheel_directory, config_settings, metadata_directory))


def _wanted() -> bool:
    """Whether the operations are to be compiled into the wheel.

    Raises:
        ValueError: ``ZPLUS_PREBUILT`` is neither 0 nor 1.
    """
    value = os.environ.get(VARIABLE) or "0"
    if value not in ("0", "1"):
        raise ValueError(f"{VARIABLE} is {value!r}; expected 1 to compile the CPU operations into the wheel, or 0.")
    return value == "1"


class BuildWithOps(build_py):
    """Compiles the operations into the package."""

    def run(self) -> None:
        super().run()
        compile_into(Path(self.build_lib) / "zplus_plugins" / "ops")


class PlatformWheel(bdist_wheel):
    """A wheel for a platform, and for every version of Python."""

    def finalize_options(self) -> None:
        distribution: Any = self.distribution
        distribution.has_ext_modules = lambda: True  # auditwheel wants the package where those are
        super().finalize_options()

    def get_tag(self) -> tuple[str, str, str]:
        return ("py3", "none", super().get_tag()[2])


def compile_into(ops: Path) -> list[Path]:
    """Compile the operations from the sources of the package's folder ``ops`` into its subfolder ``prebuilt``.

    Raises:
        OpsError: there is no C++ compiler.
        subprocess.CalledProcessError: it failed.
    """
    _without_init("zplus_plugins", ops.parent)
    _without_init("zplus_plugins.ops", ops)
    from zplus_plugins.ops.compiled import compilers, cpu_target

    compiler = str(compilers.find("c++").path)
    made = []
    for target in map(cpu_target.target, cpu_target.capabilities()):
        file = cpu_target.prebuilt(target)
        file.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            objects = [str(Path(scratch, f"{number}.o")) for number in range(len(target.sources))]
            for source, result in zip(target.sources, objects, strict=True):
                words = [*target.flags, *source.flags, "-c", "-fPIC", "-o", result, str(source.path)]
                subprocess.run([compiler, *words], check=True)
            subprocess.run([compiler, "-shared", "-o", str(file), *objects, *target.link_flags], check=True)
        made.append(file)
    return made


def _without_init(name: str, folder: Path) -> None:
    """Let modules of a package be imported without its ``__init__``, which imports torch."""
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
