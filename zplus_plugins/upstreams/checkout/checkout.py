"""Find the upstream repository that contains a script, and compare it with the version that was tested.

Upstreams are git clones without version numbers, so the source code that an adapter relies on is fingerprinted.
Nothing of the upstream is imported for this.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zplus_plugins.errors import PluginError, UpstreamError
from zplus_plugins.upstreams.adapter.description import Adapter, Reliance, Script
from zplus_plugins.upstreams.adapter.unfinished import says_todo, unfinished
from zplus_plugins.upstreams.checkout.sources import Unseen, fingerprint, read_place, require_place
from zplus_plugins.upstreams.imports.script import import_folders

Status = Literal["known", "untested", "compatible", "incompatible"]


@dataclass(frozen=True)
class Reading:
    """The state in a checkout of one file, function or class that an adapter relies on.

    Attributes:
        kind: what the adapter needs it for.
        where: a file, ``"file.py:Class.function"``, ``"package.module:Class.function"``, or a field of the adapter's
            that is not filled in.
        state: ``unseen`` means that only an import could tell.
        text: what was found and what was expected; empty if everything is as expected.
        fatal: whether the adapter cannot work because of it.
        fingerprint: the fingerprint of the source in this checkout.
    """

    kind: str
    where: str
    state: Literal["found", "changed", "missing", "unseen"] = "found"
    text: str = ""
    fatal: bool = False
    fingerprint: str = ""


@dataclass(frozen=True)
class Upstream:
    """A checkout on this machine.

    Attributes:
        root: the repository's root folder.
        script: the adapter's entry for the script to run; None if only a folder was given.
        commit: HEAD; None without a git history, as in a downloaded archive.
        readings: the state of everything that the adapter relies on.
    """

    adapter: Adapter
    root: Path
    script: Script | None
    commit: str | None
    readings: tuple[Reading, ...]

    @property
    def differences(self) -> tuple[Reading, ...]:
        """The readings that differ from the tested version."""
        return tuple(reading for reading in self.readings if reading.state in ("changed", "missing"))

    @property
    def untested_commit(self) -> bool:
        """Whether the commit is known and the adapter was tested, but not on this commit."""
        tested = self.adapter.tested_commits
        return self.commit is not None and bool(tested) and self.commit[:7] not in {c[:7] for c in tested}

    @property
    def compared(self) -> bool:
        """Whether all that the adapter relies on could be compared with what it was tested on."""
        return bool(self.adapter.tested_commits) and all(one.fingerprint for one in self.adapter.relies_on)

    @property
    def status(self) -> Status:
        """What a comparison of all that the adapter relies on with what it was tested on gives.

        ``known``: it is as tested. ``untested``: all is there, but not all can be compared. ``compatible``: it has
        changed, but nothing is missing. ``incompatible``: something is.
        """
        if any(reading.fatal for reading in self.readings):
            return "incompatible"
        if self.differences:
            return "compatible"
        return "known" if self.compared else "untested"

    def require_compatible(self) -> None:
        """Do nothing if the adapter can work with this checkout.

        Raises:
            PluginError: the adapter is not finished; the message lists what its author still has to find out.
            UpstreamError: the checkout lacks something; the message lists what.
        """
        if self.status != "incompatible":
            return
        if left := unfinished(self.adapter):
            listed = "\n".join(f"  {where}: {text}" for where, text in left.items())
            raise PluginError(
                f"The adapter {self.adapter.name!r} is not finished. Its description still says TODO in:\n{listed}\n"
                "Find this out, and write it into the adapter in place of these texts."
            )
        fatal = "\n".join(f"  {reading.where}: {reading.text}" for reading in self.readings if reading.fatal)
        tested = ", ".join(self.adapter.tested_commits) or "none"
        raise UpstreamError(
            f"The checkout {self.root} (commit {self.commit or 'unknown'}) lacks what the adapter "
            f"{self.adapter.name!r} relies on:\n{fatal}\n"
            f"Tested commits of {self.adapter.upstream}: {tested}. Check one of them out, or write an adapter for "
            "this version and select it with --adapter. `zplus check` shows everything that the adapter relies on."
        )


def match_script(adapter: Adapter, script: Path, *, whole: bool = True) -> Upstream | None:
    """The checkout that contains the script, if it is one of this adapter's upstream.

    Args:
        adapter: the adapter.
        script: path of the script.
        whole: False also accepts a checkout without the adapter's markers.
    """
    script = script.resolve()
    for entry in adapter.scripts:
        relative = Path(entry.path)
        if script.parts[-len(relative.parts) :] == relative.parts:
            root = script.parents[len(relative.parts) - 1]
            if not whole or _has_markers(adapter, root):
                return examine(adapter, root, entry)
    return None


def match_folder(adapter: Adapter, folder: Path) -> Upstream | None:
    """The checkout of the adapter's upstream that contains this folder, if there is one."""
    folder = folder.resolve()
    for root in (folder, *folder.parents):
        if any((root / entry.path).is_file() for entry in adapter.scripts) and _has_markers(adapter, root):
            return examine(adapter, root, None)
    return None


def examine(adapter: Adapter, root: Path, script: Script | None) -> Upstream:
    """Compare a checkout with the version that the adapter was tested on."""
    scripts = adapter.scripts if script is None else (script,)
    found = [folder for entry in scripts for folder in import_folders(root / entry.path, root, adapter.paths)]
    own = [folder for folder in found if folder.is_relative_to(root)]
    folders = list(dict.fromkeys([*own, root]))
    readings = [
        *(Reading("TODO", where, "missing", text, fatal=True) for where, text in unfinished(adapter).items()),
        *(_read_file(root, "marker", marker) for marker in adapter.markers),
        *(_read_reliance(root, reliance) for reliance in adapter.relies_on if not says_todo(reliance.where)),
        *(_read_place(root, folders, kind, place) for kind, place in _places(adapter) if not says_todo(place)),
    ]
    return Upstream(adapter, root, script, head_commit(root), tuple(readings))


def head_commit(root: Path) -> str | None:
    """Abbreviated HEAD of the git repository with the top folder ``root``; None if there is none."""
    return _git(root, "rev-parse", "--short=7", "HEAD") or None


def origin_url(root: Path) -> str:
    """The address, for a browser, that the git repository with the top folder ``root`` was cloned from; else empty."""
    url = re.sub(r"^(ssh://)?git@([^:/]+)[:/]", r"https://\2/", _git(root, "config", "--get", "remote.origin.url"))
    found = re.fullmatch(r"(https?://)(?:[^@/]*@)?([^/]+/.+?)(\.git)?/?", url)  # without a name and a password
    return f"{found[1]}{found[2]}" if found else ""


def _git(root: Path, *command: str) -> str:
    """What git answers about the repository with the top folder ``root``; empty if there is none, or no answer."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return ""
    whole = [git, "-c", "safe.directory=*", "-C", str(root), *command]
    return subprocess.run(whole, capture_output=True, text=True, check=False).stdout.strip()


def _places(adapter: Adapter) -> Iterator[tuple[str, str]]:
    """The modules, functions and classes that the core watches or replaces for this adapter, and why."""
    yield from (("generator", capture.where) for capture in adapter.generator)
    estimates = [*adapter.estimates, *(e for script in adapter.scripts for e in script.estimates or ())]
    yield from (("estimate", place) for place in dict.fromkeys(estimate.where for estimate in estimates))
    if adapter.repeated is not None:
        yield "codes", adapter.repeated.returned
    yield from (("untouched", place) for place in adapter.untouched)
    yield from (("synthesis", place) for place in (adapter.feature_map.synthesis if adapter.feature_map else ()))
    yield from (("move", move.where) for move in adapter.moves)
    yield from (("redirect", place) for pair in adapter.redirect.items() for place in pair)
    yield from (("gate", script.gate.where) for script in adapter.scripts if script.gate.where)
    if adapter.settings is not None:
        yield from (("settings", module) for module in adapter.settings.modules)
        yield from (("gate", place) for place in adapter.settings.gates)
    yield from (("writer", writer.where) for writer in adapter.writers)


def _read_file(root: Path, kind: str, file: str) -> Reading:
    if (root / file).exists():
        return Reading(kind, file)
    return Reading(kind, file, "missing", f"{file} does not exist", fatal=True)


def _read_place(root: Path, folders: Sequence[Path], kind: str, place: str) -> Reading:
    try:
        require_place(root, folders, place)
    except Unseen as reason:
        return Reading(kind, place, "unseen", f"{reason}; only a run can tell")
    except LookupError as error:
        return Reading(kind, place, "missing", str(error), fatal=True)
    return Reading(kind, place)


def _read_reliance(root: Path, reliance: Reliance) -> Reading:
    where, kind = reliance.where, "source"
    try:
        source, parameters = read_place(root, where)
    except LookupError as error:
        return Reading(kind, where, "missing", f"{error}; expected {_expected(reliance)}", fatal=True)
    seen = fingerprint(source)
    absent = ", ".join(name for name in reliance.takes if name not in parameters)
    if absent:
        found = ", ".join(parameters) or "none"
        text = f"lacks the parameter {absent}; expected {', '.join(reliance.takes)}; found {found}"
        return Reading(kind, where, "changed", text, fatal=True, fingerprint=seen)
    if reliance.fingerprint and seen != reliance.fingerprint:
        return Reading(kind, where, "changed", "its source differs from the tested one", fingerprint=seen)
    text = "" if reliance.fingerprint else "not compared, because the adapter gives no fingerprint"
    return Reading(kind, where, text=text, fingerprint=seen)


def _expected(reliance: Reliance) -> str:
    return f"parameters {', '.join(reliance.takes)}" if reliance.takes else "it to exist"


def _has_markers(adapter: Adapter, root: Path) -> bool:
    return all((root / marker).exists() for marker in adapter.markers)
