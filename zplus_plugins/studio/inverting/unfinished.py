"""Which photographs were not inverted to the end, as the list of results tells without reading a record."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from zplus_plugins.errors import RequirementError
from zplus_plugins.photos.photograph import hash_of
from zplus_plugins.studio.inverting.photographs import kept_in
from zplus_plugins.system.results.book import Made, everything_made


def without_records(out: Path, spaces: Collection[str]) -> list[Path]:
    """The photographs in ``OUT/photos`` that lack a record in one of these spaces, of themselves or of a face in them.

    A photograph of several faces that was interrupted before all of them were cut out counts as inverted if those that
    were have their records.

    Args:
        out: the folder of results.
        spaces: names of the spaces.
    """
    try:
        there = [made for made in everything_made(out) if all((out / name).is_file() for name in made.files)]
    except (OSError, RequirementError):
        there = []
    inverted = {(made.settings.get("picture"), made.settings.get("space")) for made in there}

    def lacks(path: Path) -> bool:
        status = path.stat()
        sha256 = _hash(path, status.st_mtime_ns, status.st_size)[:16]
        pictures = _cut_out_of(sha256, there) or {sha256}
        return any((picture, space) not in inverted for picture in pictures for space in spaces)

    return [path for path in kept_in(out) if lacks(path)]


@lru_cache(maxsize=4096)
def _hash(path: Path, changed: int, size: int) -> str:
    """The sha256 of a file, which is read again when it has changed."""
    return hash_of(path) or ""


def _cut_out_of(sha256: str, there: Collection[Made]) -> set[str]:
    """The first digits of the sha256 of all images that were cut out of a photograph."""
    aligned = (made for made in there if made.settings.get("photograph") == sha256 and "detector" in made.settings)
    return {own[:16] for made in aligned for own in made.files.values()}
