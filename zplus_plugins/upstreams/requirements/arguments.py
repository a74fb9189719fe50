"""Requirements on the values of arguments, and requirements that apply only if an argument has a certain value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.upstreams.adapter.protocols import FileRequirement, Finding, Requirement


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


@dataclass(frozen=True)
class PowerOfTwo:
    """A whole-number argument that must be a power of two within bounds.

    Attributes:
        at_most: the upper bound from the script's arguments; None if it cannot be told.
    """

    argument: str
    at_least: int
    at_most: Callable[[Mapping[str, Any]], int | None]
    what: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        value, most = arguments[self.argument], self.at_most(arguments)
        if value >= self.at_least and value & (value - 1) == 0 and (most is None or value <= most):
            return []
        bounds = f"{self.at_least} or more" if most is None else f"from {self.at_least} to {most}"
        text = f"--{self.argument} {value} does not fit: the {self.what} must be a power of two, {bounds}."
        return [Finding("missing", text, usage=True)]


@dataclass(frozen=True)
class OneOf:
    """A setting that must have one of certain values."""

    argument: str
    values: tuple[Any, ...]
    why: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        value = arguments.get(self.argument)
        if value in self.values:
            return []
        expected = " or ".join(map(repr, self.values))
        return [Finding("missing", f"{self.argument} is {value!r}, expected {expected}: {self.why}", usage=True)]


@dataclass(frozen=True)
class When:
    """What is needed only where an argument has a certain value."""

    argument: str
    value: Any
    needs: tuple[Requirement, ...]

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if arguments.get(self.argument) != self.value:
            return []
        return [finding for need in self.needs for finding in need.check(arguments)]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        if arguments.get(self.argument) != self.value:
            return []
        return [file for n in self.needs if isinstance(n, FileRequirement) for file in n.asks_for(arguments)]
