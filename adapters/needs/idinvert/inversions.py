"""The results of ``invert.py``: how the codes in its files are named, and what the editing scripts need of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zplus_plugins.records.arrays import ContentError, npy_header
from zplus_plugins.upstreams import Finding, NeededFile

CODES, LIST = "inverted_codes.npy", "image_list.txt"


@dataclass(frozen=True)
class Inversion:
    """A folder with the results of ``invert.py``.

    Attributes:
        argument: the name of the argument.
        kinds: the kinds of images that the script reads from it.
    """

    argument: str
    kinds: tuple[str, ...] = ("ori",)

    def check(self, arguments: Mapping[str, Any]) -> list[Finding]:
        folder, absent = Path(arguments[self.argument]), [f.path for f in self.asks_for(arguments) if not f.present]
        text = f"{self.argument} {folder} does not have the results of invert.py:"
        if absent:
            more = f" (and {len(absent) - 1} more are missing)" if len(absent) > 1 else ""
            return [Finding("missing", f"{text} there is no {absent[0]}{more}. Run invert.py first.")]
        try:
            codes, pictures = npy_header(folder / CODES).shape, len(pictures_in(folder / LIST))
        except (OSError, ContentError) as error:
            return [Finding("missing", f"{text} {folder / CODES} cannot be read: {error}. Run invert.py again.")]
        if len(codes) == 3 and codes[0] == pictures:
            return []
        text = f"{text} {folder / CODES} has shape {codes}, but {LIST} names {pictures} images."
        return [Finding("missing", f"{text} Run invert.py again.")]

    def asks_for(self, arguments: Mapping[str, Any]) -> list[NeededFile]:
        folder = Path(arguments[self.argument])
        pictures = [f"{name}_{kind}.png" for name in pictures_in(folder / LIST) for kind in self.kinds]
        files = [folder / name for name in (LIST, CODES, *pictures)]
        return [NeededFile(file, "result of invert.py", "invert.py wrote it", file.is_file()) for file in files]


def pictures_in(path: Path) -> list[str]:
    """The names, without suffixes, of the images in a list; empty if it cannot be read."""
    try:
        with path.open() as lines:
            return [Path(line.strip()).stem for line in lines]
    except (OSError, UnicodeDecodeError):
        return []


def codes_in(path: Path, content: Any) -> Iterator[tuple[Path, Any]]:
    """The codes in a file, one per image or pair, named after the lists that the script copies next to it."""
    if not path.name.endswith(CODES) or not isinstance(content, np.ndarray) or content.ndim != 3:
        return
    lists = (LIST,) if path.name == CODES else ("target_list.txt", "context_list.txt")
    names = ["-".join(pair) for pair in itertools.product(*(pictures_in(path.parent / name) for name in lists))]
    if len(names) != len(content) or len(set(names)) != len(names):
        names = [str(number) for number in range(len(content))]
    for name, code in zip(names, content, strict=True):
        yield path.with_name(f"{path.stem}-{name}.npy"), code
