"""Modules and submodules that a script needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.imports.advice import MissingModule, how_to_get
from zplus_plugins.upstreams.imports.packages import is_installed


@dataclass(frozen=True)
class Submodule:
    """A git submodule of the checkout, whose folder is empty after a plain ``git clone``.

    Attributes:
        path: path of its folder, relative to the current folder.
        module: the module that the script imports from it; it may also be installed elsewhere.
    """

    path: str
    module: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        parts = self.module.split(".")
        here = Path(self.path).joinpath(*parts)
        if here.is_dir() or here.with_suffix(".py").is_file() or is_installed(parts[0]):
            return []
        text = f"The submodule {self.path} is empty: it lacks the module {self.module}. Download it with: "
        return [Finding("missing", f"{text}git submodule update --init --recursive")]


@dataclass(frozen=True)
class Module:
    """A module that the script imports late, so that :func:`missing_modules` does not find it.

    Attributes:
        remedy: how to install it, if :mod:`zplus_plugins.upstreams.imports.advice` does not know its package.
    """

    name: str
    remedy: str = ""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if is_installed(self.name):
            return []
        remedy = f"Install it: {self.remedy}" if self.remedy else how_to_get([MissingModule(self.name)])
        return [Finding("missing", f"The script needs the module {self.name!r}. {remedy}")]
