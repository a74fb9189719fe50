"""A folder of images that a script inverts, and the codes of an earlier run that it may reuse instead."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.system.picture_file import picture_size
from zplus_plugins.upstreams.adapter.protocols import FileRequirement, Finding, Requirement
from zplus_plugins.upstreams.requirements.pickles import read_number
from zplus_plugins.upstreams.requirements.pictures.losses import examine
from zplus_plugins.upstreams.requirements.pictures.readers import Reader
from zplus_plugins.upstreams.requirements.pictures.selection import OVERWRITTEN, Selection, same_names

_PICTURES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".avif", ".jp2")


@dataclass(frozen=True)
class Pictures:
    """A folder of images.

    Attributes:
        path: path of the folder.
        selection: the script's rule for which files are images.
        reader: the reader that the script uses.
        what, remedy: for messages.
        generator: pickle of the generator whose resolution the images must have; empty if they may have any size.
        resized: the size to which the script resizes the shorter side; None if it does not resize images.
        shape: names of the script's arguments for the width and height to which it resizes images.
        at_most: name of the setting that limits the number of images; empty if there is no limit. Such a script
            notices that it has reached the limit only after it has read one more image.
        repeated: what happens if two images have the same name, see :func:`~.selection.same_names`.
    """

    path: str
    selection: Selection
    reader: Reader
    what: str
    remedy: str
    generator: str = ""
    resized: int | None = None
    shape: tuple[str, str] | None = None
    at_most: str = ""
    repeated: str = OVERWRITTEN

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        if (absent := self.reader.absent()) is not None:
            return [Finding("missing", absent)]
        chosen = self.chosen(arguments)
        if not chosen:
            return [Finding("missing", self._none(arguments))]
        size = self._size(arguments)
        shape = None if self.shape is None else (arguments[self.shape[0]], arguments[self.shape[1]])
        findings = [
            finding
            for _, path in chosen
            for finding in self._other_size(path, size) or examine(f"The {self.what}", path, self.reader, shape)
        ]
        for path in self._found(arguments)[len(chosen) :][: bool(self.at_most)]:
            findings += [f for f in examine(f"The {self.what}", path, self.reader) if f.kind == "missing"]
        return findings + same_names(chosen, self.repeated) + self._passed_over(arguments)

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        chosen, remedy = self.chosen(arguments), self.remedy.format_map(arguments)
        if not chosen:
            return [NeededFile(Path(self.path.format_map(arguments)), self.what, remedy, present=False)]
        pairs = ((name, Path(path)) for name, path in chosen)
        return [NeededFile(path, self.what, remedy, path.is_file(), work=True, name=name) for name, path in pairs]

    def chosen(self, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
        """The images that the script will invert, in order, as pairs of the results' name and the image's path."""
        found = self._found(arguments)
        if self.at_most:
            found = found[: max(0, arguments[self.at_most])]
        return [(self.selection.name(path), path) for path in found]

    def _found(self, arguments: Mapping[str, Any]) -> list[str]:
        return self.selection.files(self.path.format_map(arguments))

    def _none(self, arguments: Mapping[str, Any]) -> str:
        folder, remedy = self.path.format_map(arguments), self.remedy.format_map(arguments)
        if self._found(arguments):
            return f"The {self.what}: {self.at_most} is {arguments[self.at_most]}, so no image would be used."
        expected = self.selection.expected()
        return f"The {self.what}: found no {expected} in {folder!r} (names are case-sensitive). {remedy}"

    def _passed_over(self, arguments: Mapping[str, Any]) -> list[Finding]:
        """A note on files that look like images to a user but not to the script."""
        folder, taken = self.path.format_map(arguments), set(self._found(arguments))
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if entry.is_file() and entry.path not in taken)
        except OSError:  # it may be a pattern for several folders
            return []
        looks_like_one = [name for name in names if name.lower().endswith(_PICTURES) and name[0] != "."]
        if not looks_like_one:
            return []
        text = f"The {self.what}: the script uses {self.selection.expected()} in {folder}, but not"
        return [Finding("note", f"{text} {', '.join(looks_like_one)}.")]

    def _size(self, arguments: Mapping[str, Any]) -> int | None:
        """The generator's resolution; None if its pickle does not give it, which another requirement reports."""
        try:
            return read_number(Path(self.generator.format_map(arguments)), "img_resolution") if self.generator else None
        except (OSError, ValueError):
            return None

    def _other_size(self, path: str, size: int | None) -> list[Finding]:
        """A finding if an image does not have the generator's size; such an image need not be decoded."""
        header = picture_size(path) if size is not None and Path(path).is_file() else None
        if header is None or size is None:
            return []
        (width, height), made = header, header
        if self.resized is not None:
            made = (width * self.resized // min(header), height * self.resized // min(header))
        if made == (size, size):
            return []
        resized = "" if self.resized is None else f", which the script resizes to {made[0]} x {made[1]}"
        text = f"The {self.what}: {path} has {width} x {height} pixels{resized}; the generator makes {size} x {size}."
        fits = self.resized in (None, size)
        remedy = "Resize it." if fits else f"This script needs a {self.resized} px generator."
        return [Finding("missing", f"{text} {remedy}")]


@dataclass(frozen=True)
class SavedCodes:
    """Codes of an earlier run, one for each image, without which a script fails.

    Attributes:
        path: path of an image's code; ``{image}`` stands for the image's name.
        pictures: the images.
        remedy: for messages.
        unless: name of an argument with which the script itself inverts the images without a code; the script need
            not have it.
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
        """The files, whether or not they exist."""
        names = [name for name, _ in self.pictures.chosen(arguments)]
        return [Path(self.path.format_map({**arguments, "image": name})) for name in names]


@dataclass(frozen=True)
class Unsaved:
    """A requirement of the inversion itself, which does not apply if saved codes are reused and none is missing.

    Attributes:
        taken: name of the argument that says whether saved codes are reused.
        codes: the saved codes.
        need: the requirement.
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
