"""Images that a later step of a script selects from the same folder, by a different rule than the inversion."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from zplus_plugins.system.picture_file import UnfitError, quiet, require_file
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures


@dataclass(frozen=True)
class TakenLater:
    """The files that a later step selects from the image folder; it fails if one of them was not inverted.

    Attributes:
        pictures: the images that are inverted.
        pattern: the ``glob`` pattern with which the step selects files.
        step: what it does with them, as a verb for messages, such as "edits".
        bounded: whether it stops at the number of images that are inverted.
        modes: Pillow modes of the images that it can use; empty if it can use all.
    """

    pictures: Pictures
    pattern: str
    step: str
    bounded: bool = False
    modes: tuple[str, ...] = ()

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        inverted = self.pictures.chosen(arguments)
        if not inverted:
            return []  # reported by the images' own requirement
        folder = self.pictures.path.format_map(arguments)
        taken = glob.glob(f"{folder}/{self.pattern}")  # noqa: PTH207 - the script's own call
        if self.bounded:
            taken = taken[: arguments[self.pictures.at_most]]
        if not taken:
            text = f"The script {self.step} only {self.pattern} in {folder}, and there is none. Rename one to match."
            return [Finding("missing", text)]
        names = {name for name, _ in inverted}
        problems = [problem for path in sorted(taken) if (problem := self._problem(path, names)) is not None]
        return [Finding("missing", problem) for problem in problems] + self._left(inverted, taken)

    def _problem(self, path: str, names: set[str]) -> str | None:
        needs = f"The script {self.step} everything that {self.pattern} finds in the image folder"
        if self.pictures.selection.name(path) not in names:
            return f"{needs}, but {path} is not among the images that it inverts. Move it elsewhere."
        try:
            require_file(path)
            with quiet(), Image.open(path) as image:
                mode = image.mode
        except (UnfitError, OSError):
            return f"{needs}, but {path} is not an image. Move it elsewhere."
        if self.modes and mode not in self.modes:
            return f"The script {self.step} {path} as it is, and fails on its mode {mode!r}, not RGB. Convert it."
        return None

    def _left(self, inverted: list[tuple[str, str]], taken: list[str]) -> list[Finding]:
        known = {self.pictures.selection.name(path) for path in taken}
        left = [path for name, path in inverted if name not in known]
        if not left:
            return []
        return [Finding("note", f"The script {self.step} only {self.pattern}, and so not {', '.join(left)}.")]
