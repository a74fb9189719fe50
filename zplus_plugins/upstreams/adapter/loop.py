"""How a script goes through its images, so that a run can leave out those finished before, or not in its shard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.upstreams.adapter.protocols import Requirement


@dataclass(frozen=True)
class Loop:
    """The loop of a script over the images that its requirements name.

    Functions are written ``"package.module:Class.function"``. A script that takes one image a run has neither ``lines``
    nor ``listed``: its image can be skipped, but there is nothing to divide into shards.

    Attributes:
        results: the folder of the results, as a path in which ``{name}`` stands for the script's argument, or as a
            function of the arguments. Marks of finished images are kept there.
        opened: the function with which the script opens an image when it starts on it; its first argument is the path.
        lines: the text file that the script itself opens, with the path of an image on each line.
        listed: the function that returns the list of the images: paths, or tuples that end with one.
        beside: arguments that change no image's results: they name the images, the place of the results, or a GPU.
        needs: what must hold for the images to be independent of each other; otherwise all are done in one run.
        apart: arguments whose values name an image's files, so that results with other values lie beside each other.
    """

    results: str | Callable[[Mapping[str, Any]], str | Path]
    opened: str
    lines: str = ""
    listed: str = ""
    beside: tuple[str, ...] = ()
    needs: tuple[Requirement, ...] = ()
    apart: tuple[str, ...] = ()

    @property
    def divides(self) -> bool:
        """Whether there is a list of images to divide."""
        return bool(self.lines or self.listed)

    def folder(self, arguments: Mapping[str, Any]) -> Path:
        """The folder of the results."""
        return Path(self.results.format_map(arguments) if isinstance(self.results, str) else self.results(arguments))
