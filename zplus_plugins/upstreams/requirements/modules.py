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
    """A repository inside the checkout, which a plain ``git clone`` leaves empty.

    Attributes:
        path: of its folder, relative to the current one.
        module: that the script imports from it; found elsewhere, it will do too.
    """

    path: str
    module: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        parts = self.module.split(".")
        here = Path(self.path).joinpath(*parts)
        if here.is_dir() or here.with_suffix(".py").is_file() or is_installed(parts[0]):
            return []
        text = f"The submodule {self.path} is empty: there is no {self.module} in it. Get it: "
        return [Finding("missing", f"{text}git submodule update --init --recursive")]


@dataclass(frozen=True)
class Module:
    """A module that the script imports late, where :func:`missing_modules` does not see it.

    Attributes:
        remedy: how to get it, where :mod:`zplus_plugins.upstreams.imports.advice` does not know its package.
    """

    name: str
    remedy: str = ""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if is_installed(self.name):
            return []
        remedy = f"Install it: {self.remedy}" if self.remedy else how_to_get([MissingModule(self.name)])
        return [Finding("missing", f"The script needs the module {self.name!r}. {remedy}")]
