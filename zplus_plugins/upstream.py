"""Find an upstream repository around a script, and see whether it is the one that was tested.

Upstreams are clones without a version, so the source of what an adapter relies on is fingerprinted.
Nothing of the upstream is imported for it.
"""

from __future__ import annotations

import ast
import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zplus_plugins.adapter import Adapter, Reliance, Script
from zplus_plugins.errors import UpstreamError

Status = Literal["known", "compatible", "incompatible"]


@dataclass(frozen=True)
class Difference:
    """One relied-on place that is not as tested; ``fatal`` if the adapter cannot work with it."""

    where: str
    text: str
    fatal: bool


@dataclass(frozen=True)
class Upstream:
    """A checkout on this machine.

    Attributes:
        root: the repository's root folder.
        script: the adapter's entry for the script to run, or None when only a folder was given.
        commit: HEAD, or None where there is no git history (a downloaded archive).
        differences: from the tested sources.
    """

    adapter: Adapter
    root: Path
    script: Script | None
    commit: str | None
    differences: tuple[Difference, ...]

    @property
    def status(self) -> Status:
        """known: all as tested. compatible: changed, but what is needed is there. incompatible."""
        if any(difference.fatal for difference in self.differences):
            return "incompatible"
        return "compatible" if self.differences else "known"

    def require_compatible(self) -> None:
        """Raise UpstreamError, naming what is missing, if the adapter cannot work here."""
        if self.status != "incompatible":
            return
        fatal = "\n".join(f"  {d.where}: {d.text}" for d in self.differences if d.fatal)
        tested = ", ".join(self.adapter.tested_commits) or "none"
        raise UpstreamError(
            f"The checkout {self.root} (commit {self.commit or 'unknown'}) lacks what the adapter "
            f"{self.adapter.name!r} relies on:\n{fatal}\n"
            f"Tested commits of {self.adapter.upstream}: {tested}. Check one of them out, or write an "
            "adapter for this version and choose it with --adapter."
        )


def match_script(adapter: Adapter, script: Path) -> Upstream | None:
    """The checkout that the script belongs to, if it is one of this adapter's."""
    script = script.resolve()
    for entry in adapter.scripts:
        relative = Path(entry.path)
        if script.parts[-len(relative.parts) :] == relative.parts:
            root = script.parents[len(relative.parts) - 1]
            if _has_markers(adapter, root):
                return examine(adapter, root, entry)
    return None


def match_folder(adapter: Adapter, folder: Path) -> Upstream | None:
    """The adapter's checkout that contains this folder, if there is one."""
    folder = folder.resolve()
    for root in (folder, *folder.parents):
        if any((root / entry.path).is_file() for entry in adapter.scripts) and _has_markers(adapter, root):
            return examine(adapter, root, None)
    return None


def examine(adapter: Adapter, root: Path, script: Script | None) -> Upstream:
    """Compare a checkout with what the adapter was tested on."""
    differences = [d for reliance in adapter.relies_on if (d := _compare(root, reliance))]
    return Upstream(adapter, root, script, head_commit(root), tuple(differences))


def head_commit(root: Path) -> str | None:
    """Abbreviated HEAD of the git repository whose top is ``root``, else None."""
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    command = [git, "-c", "safe.directory=*", "-C", str(root), "rev-parse", "--short=7", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def fingerprint(source: str) -> str:
    """Hash of a source text that ignores blank lines, comment lines, indentation depth and line ends."""
    lines = [line.rstrip() for line in source.expandtabs(4).splitlines()]
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return hashlib.sha256("\n".join(line[margin:] for line in lines).encode()).hexdigest()[:16]


def fingerprint_of(root: Path, where: str) -> str | None:
    """Fingerprint of ``"file.py:Class.function"`` in a checkout, or None if it is not there."""
    try:
        return fingerprint(read_place(root, where)[0])
    except LookupError:
        return None


def read_place(root: Path, where: str) -> tuple[str, tuple[str, ...]]:
    """Source text and parameter names of ``"file.py:Class.function"`` (a file alone: all of it).

    Raises:
        LookupError: the file, or the function in it, does not exist; the message says which.
    """
    file, _, path = where.partition(":")
    try:
        text = (root / file).read_text(encoding="utf-8")
        tree: ast.AST = ast.parse(text)
    except OSError:
        raise LookupError(f"there is no file {file}") from None
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise LookupError(f"{file} cannot be read as Python: {error}") from None
    if not path:
        return text, ()
    node = tree
    for name in path.split("."):
        found = [child for child in ast.iter_child_nodes(node) if getattr(child, "name", None) == name]
        if not found:
            raise LookupError(f"{file} defines no {path}")
        node = found[-1]
    return ast.get_source_segment(text, node, padded=True) or "", _parameters(node)


def _compare(root: Path, reliance: Reliance) -> Difference | None:
    try:
        source, parameters = read_place(root, reliance.where)
    except LookupError as error:
        return Difference(reliance.where, f"{error}; expected {_expected(reliance)}", fatal=True)
    absent = [name for name in reliance.takes if name not in parameters]
    if absent:
        found = ", ".join(parameters) or "none"
        text = f"expected the parameters {', '.join(reliance.takes)}; found {found}"
        return Difference(reliance.where, text, fatal=True)
    if reliance.fingerprint and fingerprint(source) != reliance.fingerprint:
        return Difference(reliance.where, "its source differs from the tested one", fatal=False)
    return None


def _expected(reliance: Reliance) -> str:
    return f"it to take {', '.join(reliance.takes)}" if reliance.takes else "it there"


def _parameters(node: ast.AST) -> tuple[str, ...]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return ()
    arguments = node.args
    return tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))


def _has_markers(adapter: Adapter, root: Path) -> bool:
    return all((root / marker).exists() for marker in adapter.markers)
