"""Marks of finished images: with which settings an image was inverted, and the files that this gave.

A mark is a small JSON file, written after the last file of its image and removed before the first is written again. It
counts only as long as all the files are what they were then, so results that anything else has changed since are not
taken for finished ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.system.files import cannot_write, checksum, write_whole

FOLDER = ".zplus-finished"
_FORMAT = 1
_SHOWN = 12  # digits of a checksum in messages


@dataclass(frozen=True)
class Mark:
    """One finished image.

    Attributes:
        settings: all that its results depend on, by name.
        files: sha256 of each file of its results, by the path relative to the results' folder.
    """

    settings: Mapping[str, Any]
    files: Mapping[str, str]

    def differences(self, settings: Mapping[str, Any]) -> list[str]:
        """How the settings differ from others, in one line each; empty if they are the same."""
        names = sorted({*self.settings, *settings})
        pairs = [(name, _text(self.settings, name), _text(settings, name)) for name in names]
        return [f"{name}: {before}, now {now}" for name, before, now in pairs if before != now]


class Marks:
    """The marks among the results in a folder, one for each name of an image's results.

    Args:
        folder: the folder.
        apart: tells results of the same name apart that do not overwrite each other, such as those of two scripts.
    """

    def __init__(self, folder: Path, apart: Sequence[str] = ()) -> None:
        self._apart = tuple(apart)
        self._results = folder.absolute()
        self._folder = self._results / FOLDER

    def read(self, name: str) -> Mark | None:
        """An image's mark; None if there is none, or none that can be read."""
        try:
            content = json.loads(self._place(name).read_text(encoding="utf-8"))
            if content["format"] != _FORMAT or content["image"] != name:
                return None
            return Mark(dict(content["settings"]), {str(path): str(hash_) for path, hash_ in content["files"].items()})
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None

    def intact(self, mark: Mark) -> bool:
        """Whether every file of the image is what it was when the image was finished."""
        try:
            return bool(mark.files) and all(
                (self._results / path).is_file() and checksum(self._results / path) == found
                for path, found in mark.files.items()  # a pipe, which a foreign mark may name, would never end
            )
        except (OSError, ValueError):
            return False

    def write(self, name: str, settings: Mapping[str, Any], files: Iterable[Path]) -> None:
        """Mark an image as finished, unless the script itself has removed one of its files.

        Raises:
            RequirementError: the mark cannot be written.
        """
        try:
            hashes = {os.path.relpath(path.absolute(), self._results): checksum(path) for path in files}
        except FileNotFoundError:
            return
        content = {"format": _FORMAT, "image": name, "settings": settings, "files": dict(sorted(hashes.items()))}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(self._folder, error) from None
        write_whole(self._place(name), (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())

    def remove(self, name: str) -> None:
        """Remove an image's mark, if there is one.

        Raises:
            OSError: it is there and cannot be removed.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._place(name).unlink()

    def _place(self, name: str) -> Path:
        readable = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:60]
        whole = "\0".join((name, *self._apart))
        return self._folder / f"{readable}-{hashlib.sha256(os.fsencode(whole)).hexdigest()[:8]}.json"


def _text(settings: Mapping[str, Any], name: str) -> str:
    if name not in settings:
        return "not given"
    value = settings[name]
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
        return f"sha256 {value[:_SHOWN]}..."
    return json.dumps(value, sort_keys=True)
