"""Look into a pickle without running it: a pickle is a program, and loading one runs it."""

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
    """A pickled network. It is not loaded here: a pickle is a program, and its script runs it anyway.

    Attributes:
        downloadable: the script fetches the file itself where it does not exist; if that is so only where an
            argument was left out, its name.
        or_url: whether a URL will do as well, which NVlabs' ``dnnlib`` downloads.
        networks: what the script takes of it; None if that is not known.
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
                return f"{path} is a file of torch.save; the script reads a pickle, as NVlabs' trainers write it."
        except ValueError as error:
            return f"{error}."
        except OSError as error:
            return f"{path} cannot be read: {error.strerror or error}."
        problem = self.networks.problem(content)
        return None if problem is None else f"{path} {problem}"


def contents(path: Path) -> Any:
    """:func:`~.outline.outline` of a file, which is read once as long as it stays the same."""
    stat = path.stat()
    return _contents(path.resolve(), stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4)
def _contents(path: Path, modified: int, size: int) -> Any:
    return outline(path)


def read_number(path: Path, name: str) -> int | None:
    """A whole number of a snapshot's generator: an attribute; or an item of the dictionary in a pickle.

    Returns:
        The number; None if there is none.

    Raises:
        ValueError: the file is empty, truncated or no pickle.
        OSError: it cannot be read.
    """
    content = contents(path)
    network = generator_in(content)
    if network is not None and network.number(name) is not None:
        return network.number(name)
    value = content.get(name) if isinstance(content, dict) else None
    return value if type(value) is int else None
