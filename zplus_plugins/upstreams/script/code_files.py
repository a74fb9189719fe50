"""Which files are an upstream's codes: the adapter's pattern, with the script's arguments filled in."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from zplus_plugins.errors import PluginError


class CodeFiles:
    """The code files of one run.

    Args:
        pattern: ``folder/*.npy``, compared with the end of a path; if it contains ``{name}``, which stands for the
            script's argument of that name, with the whole path. Empty if the upstream saves no codes.
        arguments: returns the script's arguments, once the script has parsed them.
    """

    def __init__(self, pattern: str, arguments: Callable[[], Mapping[str, Any]]) -> None:
        self._pattern = pattern
        self._arguments = arguments

    def __contains__(self, path: str | PathLike[str]) -> bool:
        if not self._pattern:
            return False
        if not self._whole:
            return Path(path).match(self._pattern)
        return Path(os.path.abspath(path)).match(os.path.abspath(self.pattern()))  # noqa: PTH100 # without its ..

    def pattern(self) -> str:
        """The pattern with the arguments filled in.

        Raises:
            PluginError: it names an argument that the script does not have.
        """
        if not self._whole:
            return self._pattern
        known = {name: glob.escape(str(value)) for name, value in self._arguments().items()}
        try:
            return self._pattern.format_map(known)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise PluginError(
                f"According to the adapter, codes are saved as {self._pattern}, but {error} is not an argument of the "
                f"script, whose arguments are {', '.join(known) or 'none'}. Correct the adapter's `codes`."
            ) from None

    def inside(self, folder: Path) -> list[Path]:
        """The code files in a folder; if the pattern is a whole path, the files that match it."""
        if self._whole:
            return sorted(map(Path, glob.glob(self.pattern())))  # noqa: PTH207 # Path.glob takes no whole path
        return sorted(folder.glob(self._pattern))

    def name(self, path: Path) -> str:
        """The part of a path that the pattern matches, with the folder above it, without the suffix."""
        return "/".join(path.with_suffix("").parts[-len(Path(self._pattern).parts) - 1 :])

    @property
    def _whole(self) -> bool:
        return "{" in self._pattern
