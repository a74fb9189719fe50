"""The protocols of an adapter's parts (requirements, fits and captures), and the findings that they return."""

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
LATENT = "latent of the run"
"""The key of the latent among the arguments that requirements are given."""
ASKED_DEVICE = "device asked for"
TRUSTED = "files that the user trusts"
"""Additional keys of the arguments that requirements are given: facts that the script's arguments do not show."""


@dataclass(frozen=True)
class Finding:
    """Something that a requirement found.

    Attributes:
        kind: ``missing`` stops the run; a ``note`` is only shown; a ``download``, which the script makes itself,
            is shown, and stops the run with ``--offline``.
        text: what is wrong, and what to do.
        usage: whether the fault is in the command rather than in a file.
        of: what is downloaded, and from where if it is known, for the last line of a dry run.
    """

    kind: Literal["missing", "download", "note"]
    text: str
    usage: bool = False
    of: str = ""


class Requirement(Protocol):
    """Something that a script needs. It is checked after the arguments are parsed, before the script does anything."""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        """What is wrong; an empty list if nothing is. Paths are relative to the current folder."""


class Fit(Protocol):
    """Something that must match the generator. It is checked as soon as the generator is built."""

    def check(self, arguments: Mapping[str, Any], mapping: StyleMapping) -> list[Finding]:
        """What does not match; an empty list if everything does."""


@runtime_checkable
class FileRequirement(Protocol):
    """A requirement that can list the files it is about."""

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        """The files, whether or not they exist."""


@runtime_checkable
class FolderRequirement(Protocol):
    """A requirement on a folder that the script writes its results to."""

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        """The folder, whether or not it exists."""


class Capture(Protocol):
    """How a run gets hold of the generator."""

    @property
    def where(self) -> str:
        """The class or function that it watches, ``"package.module:Class"`` or ``"package.module:function"``."""

    def install(self, journal: Journal, run: RunContext) -> None:
        """Arrange for ``run.set_generator`` to be called."""
