"""What a script needs for one run: which requirements apply, what they find, and the files that they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.adapter.description import Script
from zplus_plugins.upstreams.adapter.protocols import (
    ASKED_DEVICE,
    LATENT,
    TRUSTED,
    FileRequirement,
    Finding,
    FolderRequirement,
    Requirement,
)


class Needs:
    """See the module.

    Args:
        script: the script.
        options: the user's options.
        latent: the latent of the run.
        inverts: whether the run replaces the style code of an inversion.
        device: the choice of a device.

    Attributes:
        notes: what the user may want to know.
        downloads: what the script will download before it can do its work.
    """

    def __init__(self, script: Script, options: Options, latent: str, *, inverts: bool, device: str) -> None:
        self._script = script
        self._offline = options.offline
        self._facts = {TRUSTED: options.trusted, ASKED_DEVICE: device, LATENT: latent}
        more = script.off_needs if latent == "off" else script.zplus_needs if inverts else ()
        self._all = script.needs + more
        self.notes: list[str] = []
        self.downloads: list[str] = []

    def check_all(self, arguments: Mapping[str, Any]) -> None:
        """Check everything that the script needs, as :meth:`check` does."""
        self.check(self._all, arguments)

    def check(self, needs: Iterable[Requirement], arguments: Mapping[str, Any]) -> None:
        """Check some requirements, and take note of what the user may want to know.

        Raises:
            RequirementError, UsageError: something is missing; the message lists everything that is, one per line.
        """
        findings = [finding for need in needs for finding in need.check({**arguments, **self._facts})]
        fatal = ("missing", "download") if self._offline else ("missing",)
        self.notes += [finding.text for finding in findings if finding.kind not in fatal]
        self.downloads += [finding.of or "a file" for finding in findings if finding.kind == "download"]
        missing = [finding for finding in findings if finding.kind in fatal]
        if missing:
            raise _as_error(missing)

    def check_fit(self, arguments: Mapping[str, Any], mapping: StyleMapping) -> None:
        """Check that what the script is given fits the generator.

        Raises:
            RequirementError, UsageError: something does not.
        """
        findings = [finding for need in self._script.fits for finding in need.check(arguments, mapping)]
        if findings:
            raise _as_error(findings)

    def files(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        """The files that the script needs, whether or not they exist."""
        return [f for need in self._all if isinstance(need, FileRequirement) for f in need.asks_for(arguments)]

    def folders(self, arguments: Mapping[str, Any]) -> list[Path]:
        """The folders that it writes to."""
        return [need.folder(arguments) for need in self._all if isinstance(need, FolderRequirement)]


def _as_error(missing: list[Finding]) -> RequirementError | UsageError:
    kind = UsageError if all(finding.usage for finding in missing) else RequirementError
    texts = [finding.text for finding in missing]
    if len(texts) == 1:
        return kind(texts[0])
    return kind("\n".join([f"{len(texts)} requirements are not met:", *(f"  - {text}" for text in texts)]))
