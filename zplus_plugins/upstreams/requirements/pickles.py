"""Inspect pickles without loading them, because a pickle is a program that is run when it is loaded."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.untrusted.filekinds import not_a_network
from zplus_plugins.upstreams.adapter.protocols import Finding
from zplus_plugins.upstreams.requirements.files import DnnlibDownload, absent, one_file
from zplus_plugins.upstreams.requirements.networks import Networks, generator_in
from zplus_plugins.upstreams.requirements.outline import is_of_torch, outline


@dataclass(frozen=True)
class PickleFile:
    """A pickled network. It is inspected without being loaded; only the script loads it.

    Attributes:
        downloadable: whether the script downloads the file itself if it does not exist; or the name of an argument,
            if the script does so only when that argument is omitted.
        or_url: whether it may also be a URL, which NVlabs' ``dnnlib`` downloads.
        networks: the networks that the script reads from it; None if unknown.
    """

    path: str
    what: str
    remedy: str
    downloadable: bool | str = False
    or_url: bool = False
    networks: Networks | None = None

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
            kind = not_a_network(path)
            if kind is not None:
                return f"{path} is {kind.what}. {kind.remedy}"
            content = contents(path)
            if self.networks is None:
                return None
            if is_of_torch(path):
                return f"{path} was written by torch.save; the script reads a pickle as written by NVlabs' trainers."
        except ValueError as error:
            return f"{error}."
        except OSError as error:
            return f"{path} cannot be read: {error.strerror or error}."
        problem = self.networks.problem(content)
        return None if problem is None else f"{path} {problem}"


def contents(path: Path) -> Any:
    """:func:`~.outline.outline` of a file, cached for as long as the file is unchanged."""
    stat = path.stat()
    return _contents(path.resolve(), stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4)
def _contents(path: Path, modified: int, size: int) -> Any:
    return outline(path)


def read_number(path: Path, name: str) -> int | None:
    """An integer in a pickle: an attribute of a snapshot's generator, or an item of a dictionary.

    Returns:
        The integer; None if there is none.

    Raises:
        ValueError: the file is empty, truncated or not a pickle.
        OSError: it cannot be read.
    """
    content = contents(path)
    network = generator_in(content)
    if network is not None and network.number(name) is not None:
        return network.number(name)
    value = content.get(name) if isinstance(content, dict) else None
    return value if type(value) is int else None
