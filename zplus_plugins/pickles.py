"""Look into a pickle without running it: a pickle is a program, and loading one runs it."""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.adapter import Finding, NeededFile
from zplus_plugins.requirements import DnnlibDownload, absent, one_file


@dataclass(frozen=True)
class PickleFile:
    """A pickled network. It is not loaded here: a pickle is a program, and its script runs it anyway.

    Attributes:
        downloadable: the script fetches the file itself where it does not exist; if that is so only where an
            argument was left out, its name.
        or_url: whether a URL will do as well, which NVlabs' ``dnnlib`` downloads.
    """

    path: str
    what: str
    remedy: str
    downloadable: bool | str = False
    or_url: bool = False

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        path = self.path.format_map(arguments)
        if self.or_url and "://" in path:
            return DnnlibDownload(path, self.what).check(arguments)
        if not Path(path).exists():
            return [absent(self.what, Path(path), self.remedy, self.downloadable, arguments)]
        problem = self._problem(Path(path))
        return [Finding("missing", f"The {self.what}: {problem} {self.remedy}")] if problem else []

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        path = self.path.format_map(arguments)
        if self.or_url and "://" in path:
            return DnnlibDownload(path, self.what).asks_for(arguments)
        return [one_file(self.path, self.what, self.remedy, arguments)]

    def _problem(self, path: Path) -> str | None:
        if not path.is_file():
            return f"there is no file {path}."
        try:
            read_number(path, "")
        except ValueError as error:
            return f"{error}."
        except OSError as error:
            return f"{path} cannot be read: {error.strerror or error}."
        return None


def read_number(path: Path, name: str) -> int | None:
    """The first whole number that is stored right after the string ``name``: an attribute or an item.

    All of the pickle is read, so a truncated one is noticed.

    Returns:
        The number; None if there is none.

    Raises:
        ValueError: the file is empty, truncated or no pickle.
        OSError: it cannot be read.
    """
    found: int | None = None
    waiting = False
    with path.open("rb") as file:
        try:
            for opcode, argument, _ in pickletools.genops(file):
                if found is not None or opcode.name in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT", "FRAME"):
                    continue
                if waiting and type(argument) is int and "INT" in opcode.name:
                    found = argument
                waiting = argument == name
        except (ValueError, OverflowError, MemoryError) as error:  # the last of a false length
            raise ValueError(f"{path} ({path.stat().st_size:,} bytes) is empty, truncated or no pickle") from error
    return found
