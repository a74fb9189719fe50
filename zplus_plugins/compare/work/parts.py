"""Finished parts of a comparison, one file each, so that an interrupted comparison continues where it stopped."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from zplus_plugins.errors import RequirementError
from zplus_plugins.records.arrays import npz_bytes, read_npz
from zplus_plugins.system.results import Results, Settings
from zplus_plugins.untrusted import DamagedError, told

_log = logging.getLogger("zplus_plugins")

Arrays = dict[str, np.ndarray]


class Parts:
    """The parts in a folder, all of them made with the same settings.

    Args:
        results: the folder, opened by this process.
        settings: the settings on which the parts depend, by name.
        overwrite: delete existing parts, whatever their settings; other files are kept.

    Raises:
        UsageError: there are parts made with other settings.
        RequirementError: the folder cannot be written.
    """

    def __init__(self, results: Results, settings: Settings, overwrite: bool = False) -> None:
        self._results = results
        self._settings = dict(settings)
        if overwrite:
            results.clear()
        results.require_settings(self._settings)

    @property
    def folder(self) -> Path:
        """The folder of the parts."""
        return self._results.folder

    def load(self, name: str) -> Arrays | None:
        """A finished part; None if there is none.

        Raises:
            UsageError: a file of that name is not ours.
        """
        aside = self._results.set_aside_damaged(_file(name))
        if aside is not None:
            _log.warning("%s is damaged, and is made again; it was renamed to %s.", self.folder / _file(name), aside)
        if not self.is_finished(name):
            return None
        return read_part(self.folder / _file(name))

    def save(self, name: str, arrays: Mapping[str, np.ndarray]) -> None:
        """Store a part, whole or not at all; uncompressed, so that it cannot be larger in memory than on disk.

        Raises:
            RequirementError: it cannot be written.
        """
        with self._results.writing(self._settings) as folder:
            (folder / _file(name)).write_bytes(npz_bytes(arrays))

    def is_finished(self, name: str) -> bool:
        """Whether a part is finished."""
        return self._results.finished([_file(name)], self._settings)

    def refresh(self) -> None:
        """Take note of what other shards have finished in the meantime."""
        self._results.refresh()

    def count(self, names: Iterable[str]) -> int:
        """The number of these parts that are finished."""
        return sum(map(self.is_finished, names))


def read_part(path: Path) -> Arrays:
    """The arrays of a part.

    Raises:
        RequirementError: it is not a part, or is damaged.
    """
    try:
        return read_npz(path, needed=[])
    except (DamagedError, OSError) as error:
        raise RequirementError(
            f"{path} cannot be read as a part of a comparison: {told(error)}. Delete it, and it will be made again."
        ) from None


def _file(name: str) -> str:
    return f"{name}.npz"
