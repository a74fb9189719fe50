"""Which files in a folder a script treats as images, in which order, and how it names their results.

The rules are those of the upstreams, with their peculiarities: letter case, hidden files, subfolders, folders
with names like images. Paths are strings, in exactly the form that the script itself produces.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from zplus_plugins.upstreams.adapter.protocols import Finding

OVERWRITTEN = "The results of {first} will be overwritten by those of {second}; both are named {name}."
MAKE_DATASET = (".jpg", ".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".ppm", ".PPM", ".bmp", ".BMP", ".tiff")
"""The endings in ``make_dataset`` of pixel2style2pixel, which PTI and others have taken over."""
TAKEN_FOR = "{second} will not be inverted: the script takes {first}'s results for its own; both are named {name}."


class Selection(Protocol):
    """A script's rule."""

    def files(self, folder: str) -> list[str]:
        """Paths of the files that the script treats as images, in its order; empty if the folder does not exist."""

    def name(self, path: str) -> str:
        """The name of an image's results."""

    def expected(self) -> str:
        """What the files' names must be like, for messages."""


@dataclass(frozen=True)
class Walked:
    """Files in a folder and its subfolders, including hidden ones, with ``os.walk``; sorted by name, then by path.

    Attributes:
        endings: the endings of their names, case-sensitive.
    """

    endings: tuple[str, ...]

    def files(self, folder: str) -> list[str]:
        found = (os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)  # noqa: PTH118
        return sorted((path for path in found if path.endswith(self.endings)), key=lambda path: (self.name(path), path))

    def name(self, path: str) -> str:
        """The file's name up to its first dot."""
        return path.rpartition("/")[2].partition(".")[0]

    def expected(self) -> str:
        return ", ".join(self.endings)


@dataclass(frozen=True)
class Globbed:
    """Entries of a folder without its subfolders, with ``glob``: no hidden ones, but folders too; sorted by path.

    Attributes:
        suffixes: what may follow the last dot, case-sensitive.
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
    """Notes on images whose results have the same name.

    Args:
        chosen: pairs of the results' name and the image's path, in the script's order.
        effect: what the script does in this case, :data:`OVERWRITTEN` or :data:`TAKEN_FOR`.
    """
    seen: dict[str, str] = {}
    notes = []
    for name, path in chosen:
        if name in seen:
            notes.append(Finding("note", effect.format(first=seen[name], second=path, name=name or "''")))
        if name not in seen or effect is OVERWRITTEN:
            seen[name] = path
    return notes
