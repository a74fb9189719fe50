"""Scores from a table that a user has made of images of ``zplus generate``, whose seeds give their codes."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.errors import DirectionError
from zplus_plugins.system.options import LARGEST_SEED
from zplus_plugins.system.picture_file import reason

SEED, IMAGE = "seed", "image"
_LARGEST = 64 * 2**20  # bytes: a million rows of some attributes
_OF_IMAGE = re.compile(r"(?:.*[/\\])?seed(\d{1,10})(?:\.zplus)?(?:\.\w+)?", re.ASCII)
_EXPECTED = (
    f"Expected a CSV with the columns {SEED} (or {IMAGE}: a name such as seed0000000005.zplus.png) and one for each "
    "attribute, as numbers; an empty cell leaves an image out."
)


@dataclass(frozen=True)
class Table:
    """Scores of images by the seeds of their codes.

    Attributes:
        names: of the K attributes.
        key: a checksum of the file.
        seeds: of B images.
        scores: (B, K); NaN where a cell is empty.
    """

    names: tuple[str, ...]
    key: str
    seeds: list[int]
    scores: Tensor

    @classmethod
    def read(cls, path: Path | str) -> Table:
        """Read a CSV.

        Raises:
            DirectionError: it cannot be read, has no such columns, or a cell is no number or a seed comes twice; the
                message names the line.
        """
        path = Path(path)
        data = _content(path)
        try:
            rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise DirectionError(f"The scores {path} cannot be read as a CSV in UTF-8: {error}. {_EXPECTED}") from None
        header = [cell.strip() for cell in rows[0]] if rows else []
        places = [index for index, cell in enumerate(header) if cell in (SEED, IMAGE)]
        if len(places) != 1 or len(header) < 2 or len(set(header)) < len(header) or "" in header:
            raise DirectionError(f"The columns of {path} are {', '.join(map(repr, header)) or 'none'}. {_EXPECTED}")
        place = places[0]
        seeds: dict[int, int] = {}
        scores = []
        for line, row in enumerate(rows[1:], start=2):
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise DirectionError(f"{path}, row {line}: {len(row)} cells; expected {len(header)}.")
            seed = _seed(row[place].strip(), f"{path}, row {line}")
            if seed in seeds:
                raise DirectionError(f"{path}, row {line}: the seed {seed} is also in row {seeds[seed]}.")
            seeds[seed] = line
            scores.append([_number(cell.strip(), f"{path}, row {line}") for i, cell in enumerate(row) if i != place])
        names = tuple(cell for i, cell in enumerate(header) if i != place)
        key = f"table:{hashlib.sha256(data).hexdigest()[:16]}"
        return cls(names, key, list(seeds), torch.tensor(scores).reshape(-1, len(names)))


def _content(path: Path) -> bytes:
    if not path.exists():
        raise DirectionError(f"There is no file of scores {path} (looked in {Path.cwd()}).")
    if not path.is_file():
        raise DirectionError(f"The scores {path} are no file. {_EXPECTED}")
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise DirectionError(f"The scores {path} cannot be read: {reason(error)}.") from None
    if len(data) > _LARGEST:
        raise DirectionError(f"The scores {path} are larger than {_LARGEST // 2**20} MiB. {_EXPECTED}")
    return data


def _seed(cell: str, where: str) -> int:
    found = re.fullmatch(r"\d{1,10}", cell, re.ASCII) or _OF_IMAGE.fullmatch(cell)
    seed = int(found[found.re.groups]) if found else -1
    if not 0 <= seed <= LARGEST_SEED:
        raise DirectionError(
            f"{where}: {cell!r:.80} is no seed; expected 0 to {LARGEST_SEED}, or the name of an image of "
            "zplus generate."
        )
    return seed


def _number(cell: str, where: str) -> float:
    try:
        number = float(cell) if cell else math.nan
    except ValueError:
        number = math.inf
    if math.isinf(number):
        raise DirectionError(f"{where}: {cell!r:.80} is no number; leave the cell empty if there is no score.")
    return number
