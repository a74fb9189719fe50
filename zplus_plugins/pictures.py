"""A folder of pictures that a script inverts, and the codes of an earlier run that it takes instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from zplus_plugins.adapter import FileRequirement, Finding, NeededFile, Requirement
from zplus_plugins.inputs import image_problem
from zplus_plugins.pickles import read_number


@dataclass(frozen=True)
class Pictures:
    """A folder of pictures; those of its subfolders count too.

    Attributes:
        path: of the folder.
        suffixes: of the files that are taken for pictures, in lower case.
        what, remedy: for messages.
        generator: pickle of the generator whose size the pictures must have.
        resized: size that the script gives the shorter side; None if it takes pictures as they are.
        at_most: the setting that bounds the number of pictures; all count if empty.
    """

    path: str
    suffixes: tuple[str, ...]
    what: str
    remedy: str
    generator: str
    resized: int | None = None
    at_most: str = ""

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        chosen, remedy = self.chosen(arguments), self.remedy.format_map(arguments)
        if not chosen:
            folder = self.path.format_map(arguments)
            text = f"The {self.what}: found no {', '.join(self.suffixes)} in {folder!r}. {remedy}"
            return [Finding("missing", text)]
        size = self._size(arguments)
        findings = [f for _, path in chosen if (f := self._problem(path, size)) is not None]
        return findings + _same_names(chosen)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        chosen, remedy = self.chosen(arguments), self.remedy.format_map(arguments)
        if not chosen:
            return [NeededFile(Path(self.path.format_map(arguments)), self.what, remedy, present=False)]
        return [NeededFile(path, self.what, remedy, present=True, work=True) for _, path in chosen]

    def chosen(self, arguments: Mapping[str, Any]) -> list[tuple[str, Path]]:
        """Names, up to a file's first full stop, and paths of the pictures that the script will take, in order."""
        folder = self.path.format_map(arguments)
        files = Path(folder).rglob("*") if folder else ()
        pictures = sorted((p.name.split(".")[0], p) for p in files if p.suffix.lower() in self.suffixes)
        return pictures[: arguments[self.at_most]] if self.at_most else pictures

    def _size(self, arguments: Mapping[str, Any]) -> int | None:
        """The generator's; None if its pickle does not tell, which is that file's own problem."""
        try:
            return read_number(Path(self.generator.format_map(arguments)), "img_resolution")
        except (OSError, ValueError):
            return None

    def _problem(self, path: Path, size: int | None) -> Finding | None:
        unreadable = image_problem(str(path))
        if unreadable is not None:
            return Finding("missing", f"The {self.what}: {unreadable}")
        with Image.open(path) as image:
            width, height = image.size
        made = (width, height)
        if self.resized is not None:
            made = (width * self.resized // min(made), height * self.resized // min(made))
        if size is None or made == (size, size):
            return None
        resized = "" if self.resized is None else f", which the script makes {made[0]} x {made[1]}"
        return Finding(
            "missing",
            f"The {self.what}: {path} has {width} x {height} pixels{resized}; the generator makes {size} x {size}. "
            + ("Resize it." if self.resized in (None, size) else f"This script needs a {self.resized} px generator."),
        )


@dataclass(frozen=True)
class SavedCodes:
    """Codes of an earlier run, one a picture, without which a script fails.

    Attributes:
        path: of a picture's code; ``{image}`` stands for the picture's name.
        pictures: whose codes.
        remedy: for messages.
        unless: an argument with which the script finds those that are missing; it may be absent.
    """

    path: str
    pictures: Pictures
    remedy: str
    unless: str

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if arguments.get(self.unless):
            return []
        paths = self.paths(arguments)
        absent = [path for path in paths if not path.is_file()]
        if not absent:
            return []
        text = f"There is no saved code {absent[0]} ({len(absent)} of {len(paths)} are missing). {self.remedy}"
        return [Finding("missing", text)]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        if arguments.get(self.unless):
            return []
        return [
            NeededFile(path, "saved code", self.remedy, path.is_file(), made=True) for path in self.paths(arguments)
        ]

    def paths(self, arguments: Mapping[str, Any]) -> list[Path]:
        """The files, there or not."""
        names = [name for name, _ in self.pictures.chosen(arguments)]
        return [Path(self.path.format_map({**arguments, "image": name})) for name in names]


@dataclass(frozen=True)
class Unsaved:
    """What finding codes takes, unless those of an earlier run are taken instead and none is missing.

    Attributes:
        taken: the argument that says whether they are.
        codes: the saved ones.
        need: what finding them takes.
    """

    taken: str
    codes: SavedCodes
    need: Requirement

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        return [] if self._all_there(arguments) else self.need.check(arguments)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        if self._all_there(arguments) or not isinstance(self.need, FileRequirement):
            return []
        return self.need.asks_for(arguments)

    def _all_there(self, arguments: Mapping[str, Any]) -> bool:
        return bool(arguments[self.taken]) and all(path.is_file() for path in self.codes.paths(arguments))


def _same_names(chosen: list[tuple[str, Path]]) -> list[Finding]:
    """Pictures whose results would overwrite each other."""
    seen: dict[str, Path] = {}
    notes = []
    for name, path in chosen:
        if name in seen:
            text = f"The results of {seen[name]} will be overwritten by those of {path}; both are named {name}."
            notes.append(Finding("note", text))
        seen[name] = path
    return notes
