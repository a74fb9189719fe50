"""Which files hold the codes of an upstream: the adapter's pattern, filled in with the script's arguments."""

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
        pattern: ``folder/*.npy``, the end of their paths; with ``{name}`` in it, the whole of them, where it stands for
            the script's argument of that name. Empty if there are none.
        arguments: gives the script's arguments, which are known once it has parsed them.
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
            PluginError: it names one that the script has not.
        """
        if not self._whole:
            return self._pattern
        known = {name: glob.escape(str(value)) for name, value in self._arguments().items()}
        try:
            return self._pattern.format_map(known)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise PluginError(
                f"The adapter says that codes are saved as {self._pattern}, but {error} is no argument of the script; "
                f"it has {', '.join(known) or 'none'}. Correct the adapter's `codes`."
            ) from None

    def inside(self, folder: Path) -> list[Path]:
        """The code files that lie in a folder; where the pattern is a whole path, those that it speaks of."""
        if self._whole:
            return sorted(map(Path, glob.glob(self.pattern())))  # noqa: PTH207 # Path.glob takes no whole path
        return sorted(folder.glob(self._pattern))

    def name(self, path: Path) -> str:
        """The end of a path that the pattern speaks of, and the folder that it lies in."""
        return "/".join(path.with_suffix("").parts[-len(Path(self._pattern).parts) - 1 :])

    @property
    def _whole(self) -> bool:
        return "{" in self._pattern
