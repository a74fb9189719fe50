"""Pictures that a later step of a script takes from the same folder by another rule than the inversion."""

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
    """What a later step takes of the folder of pictures: it fails where something in it was not inverted.

    Attributes:
        pictures: those that are inverted.
        pattern: for ``glob``, of what the step takes of the folder.
        step: what it does with them, for messages: "edits".
        bounded: whether it stops at the number of pictures that are inverted.
        modes: Pillow's, of the pictures that it can take; all of them if empty.
    """

    pictures: Pictures
    pattern: str
    step: str
    bounded: bool = False
    modes: tuple[str, ...] = ()

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        inverted = self.pictures.chosen(arguments)
        if not inverted:
            return []  # told by the pictures' own requirement
        folder = self.pictures.path.format_map(arguments)
        taken = glob.glob(f"{folder}/{self.pattern}")  # noqa: PTH207 - the script's own call
        if self.bounded:
            taken = taken[: arguments[self.pictures.at_most]]
        if not taken:
            text = f"The script {self.step} only {self.pattern} of {folder}, and there is none. Name a picture so."
            return [Finding("missing", text)]
        names = {name for name, _ in inverted}
        problems = [problem for path in sorted(taken) if (problem := self._problem(path, names)) is not None]
        return [Finding("missing", problem) for problem in problems] + self._left(inverted, taken)

    def _problem(self, path: str, names: set[str]) -> str | None:
        needs = f"The script {self.step} all that {self.pattern} finds in the folder of pictures"
        if self.pictures.selection.name(path) not in names:
            return f"{needs}, and {path} is not among those that it inverts. Move it elsewhere."
        try:
            require_file(path)
            with quiet(), Image.open(path) as image:
                mode = image.mode
        except (UnfitError, OSError):
            return f"{needs}, and {path} is not a picture. Move it elsewhere."
        if self.modes and mode not in self.modes:
            return f"The script {self.step} {path} as it is, and fails as it is not in RGB but in {mode!r}. Convert it."
        return None

    def _left(self, inverted: list[tuple[str, str]], taken: list[str]) -> list[Finding]:
        known = {self.pictures.selection.name(path) for path in taken}
        left = [path for name, path in inverted if name not in known]
        if not left:
            return []
        return [Finding("note", f"The script {self.step} only {self.pattern}, and so not {', '.join(left)}.")]
