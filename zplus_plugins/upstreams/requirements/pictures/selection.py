"""Which files of a folder a script takes for pictures, in which order, and how it names their results.

The rules are those of upstreams, with their peculiarities: letter case, hidden files, subfolders, folders
that are named like pictures. Paths are strings, and in the form that the script itself makes.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from zplus_plugins.upstreams.adapter.protocols import Finding

OVERWRITTEN = "The results of {first} will be overwritten by those of {second}; both are named {name}."
TAKEN_FOR = "{second} will not be inverted: the script takes the results of {first} for its own; both are named {name}."


class Selection(Protocol):
    """A script's rule."""

    def files(self, folder: str) -> list[str]:
        """Paths that the script takes for pictures, in its order; none if there is no such folder."""

    def name(self, path: str) -> str:
        """What the results of a picture are named by."""

    def expected(self) -> str:
        """What the files must be called, for messages."""


@dataclass(frozen=True)
class Walked:
    """Files of a folder and its subfolders, hidden ones too, by ``os.walk``; in the order of names, then paths.

    Attributes:
        endings: of their names, in exactly this case.
    """

    endings: tuple[str, ...]

    def files(self, folder: str) -> list[str]:
        found = (os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)  # noqa: PTH118
        return sorted((path for path in found if path.endswith(self.endings)), key=lambda path: (self.name(path), path))

    def name(self, path: str) -> str:
        """The file's name up to its first full stop."""
        return path.rpartition("/")[2].partition(".")[0]

    def expected(self) -> str:
        return ", ".join(self.endings)


@dataclass(frozen=True)
class Globbed:
    """What a folder holds itself, by ``glob``: nothing hidden, but folders too; in the order of paths.

    Attributes:
        suffixes: what may follow the last full stop, in exactly this case.
    """

    suffixes: tuple[str, ...]

    def files(self, folder: str) -> list[str]:
        found = glob.glob(os.path.join(folder, "*"))  # noqa: PTH118, PTH207 - Path.glob takes hidden files too
        return sorted(path for path in found if path.split(".")[-1] in self.suffixes)

    def name(self, path: str) -> str:
        """The file's name without any of the suffixes, wherever they are in it."""
        name = path.rpartition("/")[2]
        for suffix in self.suffixes:
            name = name.replace(f".{suffix}", "")
        return name

    def expected(self) -> str:
        return ", ".join(f"*.{suffix}" for suffix in self.suffixes)


def same_names(chosen: Iterable[tuple[str, str]], effect: str) -> list[Finding]:
    """Notes on pictures whose results have one name.

    Args:
        chosen: names of results and paths of pictures, in the script's order.
        effect: what comes of it, :data:`OVERWRITTEN` or :data:`TAKEN_FOR`.
    """
    seen: dict[str, str] = {}
    notes = []
    for name, path in chosen:
        if name in seen:
            notes.append(Finding("note", effect.format(first=seen[name], second=path, name=name or "''")))
        if name not in seen or effect is OVERWRITTEN:
            seen[name] = path
    return notes
