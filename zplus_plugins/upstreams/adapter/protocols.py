"""What an adapter's parts must offer: requirements, fits and captures, and what they find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from zplus_plugins.system.downloads import NeededFile

if TYPE_CHECKING:
    from zplus_plugins.hypersphere.mapping import StyleMapping
    from zplus_plugins.upstreams.adapter.context import RunContext
    from zplus_plugins.upstreams.patching.journal import Journal

LEFT_OUT = "arguments left out"
ASKED_DEVICE = "device asked for"
TRUSTED = "files that the user trusts"
"""Names under which requirements get, beside the script's arguments, what they cannot tell."""


@dataclass(frozen=True)
class Finding:
    """What a requirement found.

    Attributes:
        kind: ``missing`` stops the run, a ``note`` is only told; a ``download``, which the script makes by
            itself, is told, and stops the run with ``--offline``.
        text: what is wrong, and what to do.
        usage: whether the command is wrong, rather than a file.
    """

    kind: Literal["missing", "download", "note"]
    text: str
    usage: bool = False


class Requirement(Protocol):
    """Something a script needs, checked once its arguments are parsed and before it does anything."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        """What is wrong; an empty list if all is well. Paths are relative to the current folder."""


class Fit(Protocol):
    """Something that must fit the generator, checked as soon as it is there."""

    def check(self, arguments: Mapping[str, Any], mapping: StyleMapping) -> list[Finding]:
        """What does not fit; an empty list if all is well."""


@runtime_checkable
class FileRequirement(Protocol):
    """A requirement that can tell which files it is about."""

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        """The files, there or not."""


@runtime_checkable
class FolderRequirement(Protocol):
    """A requirement of a folder that the script writes its results to."""

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        """The folder, there or not."""


class Capture(Protocol):
    """How the run gets hold of the generator."""

    @property
    def where(self) -> str:
        """The place that it watches, ``"package.module:Class"`` or ``"package.module:function"``."""

    def install(self, journal: Journal, run: RunContext) -> None:
        """Arrange that ``run.set_generator`` is called."""
