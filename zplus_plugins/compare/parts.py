"""Finished parts of a comparison, one file each, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from zplus_plugins.arrays import ContentError, npz_bytes, read_npz, text_in
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.ops.cache import digest
from zplus_plugins.outputs import write_whole

Arrays = dict[str, np.ndarray]
_SETTINGS = "settings.json"
_OWNER = "settings"
_MOST_NAMED = 4


class Parts:
    """The folder of parts made with the same settings, which every part names, so that two comparisons that run in one
    folder at once do not take each other's.

    Args:
        folder: made if it is absent.
        settings: on which the parts depend, by name.
        overwrite: remove what is there of a comparison, with whatever settings; other files stay.

    Raises:
        UsageError: there are parts made with other settings.
        RequirementError: the folder cannot be read or written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], overwrite: bool = False) -> None:
        self.folder = folder
        self._owner = digest(*(f"{name}={text}\n".encode() for name, text in sorted(settings.items())))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if overwrite:
                _remove(folder)
        except OSError as error:
            raise RequirementError(f"Cannot write to {folder}: {error.strerror}. Choose another --out.") from None
        before = self._before()
        if before is None:
            write_whole(folder / _SETTINGS, (json.dumps(dict(settings), indent=2) + "\n").encode())
        elif before != dict(settings):
            raise UsageError(
                f"{folder} holds parts of a comparison with other settings: {_differences(before, settings)}. "
                "Choose another --out, or start anew there with --overwrite."
            )

    def load(self, name: str) -> Arrays | None:
        """A finished part; None if there is none, if its file is damaged, or if it was made with other settings."""
        try:
            arrays = read_npz(self._path(name), needed=[_OWNER])
            return arrays if text_in(arrays.pop(_OWNER), _OWNER) == self._owner else None
        except (OSError, ContentError):
            return None

    def save(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep a part, whole or not at all. It is not compressed: so it can be no larger in memory than on the disk.

        Raises:
            RequirementError: it cannot be written.
        """
        write_whole(self._path(name), npz_bytes({**arrays, _OWNER: np.array(self._owner)}))

    def count(self, names: Iterable[str]) -> int:
        """How many of these are finished."""
        return sum(self._path(name).exists() for name in names)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def _before(self) -> dict[str, str] | None:
        try:
            return dict(json.loads((self.folder / _SETTINGS).read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise RequirementError(
                f"{self.folder / _SETTINGS} cannot be read: {error}. Choose another --out, or use --overwrite."
            ) from None


def _remove(folder: Path) -> None:
    """Take away a comparison's settings and parts; without settings, the folder holds none."""
    if not (folder / _SETTINGS).exists():
        return
    for file in folder.glob("*.npz"):
        file.unlink()
    (folder / _SETTINGS).unlink()


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    texts = [f"{name} was {before.get(name, 'absent')}, is {now.get(name, 'absent')}" for name in names[:_MOST_NAMED]]
    more = len(names) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more else "")
