"""What an image's results depend on, apart from the image: two runs with the same of it give the same results."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zplus_plugins._version import __version__
from zplus_plugins.system.downloads import NeededFile
from zplus_plugins.system.files import checksum
from zplus_plugins.upstreams.adapter.context import Options
from zplus_plugins.upstreams.imports.script import own_sources

# Options that choose what is done, or how it is told, but not what an image's results are. Settings are arguments here.
_BESIDE = ("dry_run", "offline", "settings", "trusted", "tune_malloc", "shard", "resume")
_READERS = 4  # checksums are computed side by side: checkpoints are large


def identity(
    options: Options,
    resolved: Mapping[str, Any],
    arguments: Mapping[str, Any],
    files: Iterable[NeededFile],
    beside: Collection[str],
) -> dict[str, Any]:
    """The settings by name, as JSON keeps them: options, arguments, and the checksum of each input file but the images.

    Args:
        options: the user's options.
        resolved: what takes the place of options, such as ``--seed``, and further facts, such as ``"the script"``.
        arguments: the script's arguments.
        files: the files that the script needs.
        beside: names of the arguments that no image's results depend on.
    """
    # Named so that no argument of a script has the name of an option or of a fact.
    chosen = {f"--{name.replace('_', '-')}": value for name, value in asdict(options).items() if name not in _BESIDE}
    left_out = {_absolute(value) for name in beside if isinstance(value := arguments.get(name), str | Path)}
    given = {name: value for name, value in arguments.items() if name not in beside and _is_plain(value)}
    named = {name: Path(value) for name, value in given.items() if _is_file(value)}
    needed = {
        place.name: place
        for file in files
        if not file.work and not file.made and _absolute(file.path) not in left_out
        for place in _places(file.path)
    }
    places = {**{f"the file {name}": path for name, path in needed.items()}, **named}
    paths = sorted({_absolute(path) for path in places.values()})
    with ThreadPoolExecutor(_READERS) as pool:
        hashes = dict(zip(paths, pool.map(_hash, paths), strict=True))
    contents = {name: hashes[_absolute(path)] for name, path in places.items()}
    found = {**chosen, **resolved, "version of zplus-plugins": __version__, **given, **contents}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


def hash_sources(script: Path, root: Path) -> str:
    """A checksum of a script and of the modules of its repository that it imports."""
    digest = hashlib.sha256()
    for file, text in sorted((str(file.relative_to(root)), text) for file, text in own_sources(script, root)):
        digest.update(f"{file}\0{text}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(one) for one in value)
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(one) for name, one in value.items())
    return value is None or isinstance(value, bool | int | float | str | Path)


def _is_file(value: Any) -> bool:
    return isinstance(value, str | Path) and os.path.isfile(value)  # noqa: PTH113 - of any length


def _places(path: Path) -> list[Path]:
    """The files that a path or pattern stands for."""
    return [path] if path.is_file() else sorted(place for place in path.parent.glob(path.name) if place.is_file())


def _absolute(path: str | Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - of any length


def _hash(path: str) -> str:
    try:
        return checksum(Path(path))
    except OSError as error:
        return f"unreadable: {error.strerror}"
