"""A script that was looked for in the wrong folder: where below that folder an adapter knows one of its name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from zplus_plugins.upstreams.adapter.description import Adapter
from zplus_plugins.upstreams.checkout.checkout import match_script

LEVELS = 4
"""Levels of folders that are searched; the scripts of the upstreams are at most three below the repository's root."""
MOST_FOLDERS = 2000
_SKIPPED = frozenset({"site-packages", "node_modules", "__pycache__"})


@dataclass(frozen=True)
class Nearby:
    """A known script below the folder in which it was looked for.

    Attributes:
        folder: the folder to start it in, relative to that one.
        script: its path, relative to ``folder``.
        adapter: the name of the adapter that knows it.
    """

    folder: Path
    script: Path
    adapter: str


def known_below(folder: Path, script: Path, adapters: Iterable[Adapter]) -> Nearby | None:
    """The only script of this name below a folder that an adapter knows; None if there is none, or several.

    Links are not followed, and the search ends after :data:`LEVELS` levels and :data:`MOST_FOLDERS` folders.

    Args:
        folder: where to look.
        script: the script as the user named it, relative to some folder.
        adapters: those that may know it.
    """
    if script.is_absolute() or ".." in script.parts:
        return None
    found = [
        (place, upstream)
        for place in _folders(folder.resolve())
        if (place / script).is_file()
        for adapter in adapters
        if (upstream := match_script(adapter, place / script)) is not None
    ]
    if len({upstream.root for _, upstream in found}) != 1:
        return None
    place, upstream = found[0]
    start = place
    if upstream.script is not None and upstream.script.folder is not None:
        start = (upstream.root / upstream.script.folder).resolve()
    named = Path(os.path.relpath((place / script).resolve(), start))
    return Nearby(Path(os.path.relpath(start, folder.resolve())), named, upstream.adapter.name)


def _folders(top: Path) -> Iterator[Path]:
    """The folders below one, level by level."""
    level, seen = [top], 0
    for _ in range(LEVELS):
        below: list[Path] = []
        for folder in level:
            for inner in _in(folder):
                seen += 1
                if seen > MOST_FOLDERS:
                    return
                yield inner
                below.append(inner)
        level = below


def _in(folder: Path) -> list[Path]:
    """The folders in a folder, sorted: no links, no hidden ones, nor of installed packages."""
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name[0] != "." and entry.name not in _SKIPPED and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]
