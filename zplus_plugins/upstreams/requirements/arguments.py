"""Requirements on the values of settings; see also :class:`zplus_plugins.upstreams.requirements.files.OneOf`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zplus_plugins.upstreams.adapter.protocols import Finding


@dataclass(frozen=True)
class Above:
    """A numeric setting that must be greater than ``bound``."""

    argument: str
    bound: float
    why: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        value = arguments[self.argument]
        if value > self.bound:
            return []
        text = f"{self.argument} is {value}, expected a number above {self.bound}: {self.why}"
        return [Finding("missing", text, usage=True)]


@dataclass(frozen=True)
class Undotted:
    """A path setting that must not contain a dot, for scripts that cut off a file's suffix at the first dot."""

    argument: str
    why: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        value = str(arguments[self.argument])
        if "." not in value:
            return []
        text = f"{self.argument} is {value!r}, expected a path without a dot: {self.why}"
        return [Finding("missing", text, usage=True)]
