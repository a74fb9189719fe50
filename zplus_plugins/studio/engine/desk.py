"""The desk: all portraits that a page may show, with their codes in several spaces, and the directions to edit them."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch

from zplus_plugins.directions import Direction
from zplus_plugins.directions.edit import direction_named
from zplus_plugins.directions.edits.photographs import PHOTOS
from zplus_plugins.directions.embedded import embedded_directions
from zplus_plugins.errors import DirectionError, RecordError, UsageError, ZPlusError
from zplus_plugins.inversion import Model, Point
from zplus_plugins.inversion.domain import is_embedded
from zplus_plugins.inversion.opening import Models
from zplus_plugins.inversion.record import PointRecord, edits_of
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.studio.engine.scene import SceneError
from zplus_plugins.system.cache import digest
from zplus_plugins.system.files import checksum
from zplus_plugins.system.picture_file import reason
from zplus_plugins.system.results import MARK

_log = logging.getLogger("zplus_plugins")
_SHA256 = re.compile("[0-9a-f]{64}")
_DIGITS = 12  # of a portrait's id
_DERIVED = {"z": "wplus", "zplus": "wplus", "f/z": "f/wplus", "f/zplus": "f/wplus"}

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Opened:
    """A portrait's code in one space.

    Attributes:
        path, record: where it is from.
        model, point: of the code, on the model's device.
    """

    path: Path
    record: PointRecord
    model: Model
    point: Point

    @property
    def derived(self) -> bool:
        """Whether the record is one in Z or Z+, and this its style code: the same picture, to be edited in W+."""
        return self.record.point.space != self.point.space

    @cached_property
    def key(self) -> str:
        """What tells apart codes."""
        return f"{self.record.digest()} {self.point.space.name}"


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture with its codes.

    Attributes:
        id: hexadecimal digits: of the photograph and how it was aligned, or else of the code.
        name: for people.
        spaces: the codes by the names of their spaces.
        target: the file of the picture that was inverted; None if it is not known, or is another one now.
        edited: whether the codes are of an edit.
    """

    id: str
    name: str
    spaces: Mapping[str, Opened]
    target: Path | None = None
    edited: bool = False


class Desk:
    """The portraits of one generator; any thread may use it.

    Args:
        models: of the generator, which is loaded now.
        directions: files, and names of embedded directions; none for all embedded ones, if the generator is embedded.
        out: the folder of results; the desk itself writes nothing.

    Attributes:
        directions: by name.

    Raises:
        DirectionError: there is no such direction, or it is of another generator.
        UsageError: two directions have one name.
        GeneratorFileError, RequirementError: the generator cannot be used.
    """

    def __init__(self, models: Models, directions: Sequence[Path | str] = (), out: Path | str = "zplus-studio") -> None:
        self.models, self.out = models, Path(out)
        self.model = models.usual
        self.embedded = is_embedded(self.model.generator)
        self._lock = threading.Lock()
        self._portraits: dict[str, Portrait] = {}
        self._compute: Callable[[Callable[[], Any]], Any] = lambda work: work()
        found = [direction_named(str(one), self.model.generator) for one in directions]
        if not directions and self.embedded:
            found = list(embedded_directions().values())
        self._directions: dict[str, Direction] = {}
        for direction in found:
            self._keep(direction)

    @property
    def directions(self) -> Mapping[str, Direction]:
        """The directions by name."""
        with self._lock:
            return dict(self._directions)

    def compute_by(self, compute: Callable[[Callable[[], Any]], Any]) -> None:
        """Have all work on models done by a function, which calls what it is given in the thread that owns them."""
        self._compute = compute

    def portraits(self) -> list[Portrait]:
        """All portraits, in the order in which they came."""
        with self._lock:
            return list(self._portraits.values())

    def get(self, id: str) -> Portrait:
        """The portrait with an id.

        Raises:
            SceneError: there is none.
        """
        with self._lock:
            found = self._portraits.get(id)
        if found is None:
            raise SceneError(f"There is no portrait {id:.64} here. Open its record again.")
        return found

    def add(self, path: Path | str, target: Path | None = None) -> Portrait:
        """Open a record. Another one of the same photograph and space is replaced.

        Args:
            path: of the record.
            target: the picture that was inverted, if it is not where the record says.

        Raises:
            RecordError: it cannot be read, or is of another generator.
            UsageError: it is a script's, and no generator was given.
        """
        path = Path(path)
        opened = self._compute(lambda: self._opened(path))
        one = opened[0]
        about, space = one.record.about, one.point.space.name
        fresh = Portrait(
            _id_of(one.record),
            _name_of(path, space),
            {each.point.space.name: each for each in opened},
            target or _target_of(path, about),
            bool(edits_of(about)),
        )
        with self._lock:
            before = self._portraits.get(fresh.id)
            portrait = fresh if before is None else _joined(before, fresh)
            self._portraits[fresh.id] = portrait
        return portrait

    def add_folder(self, path: Path | str) -> list[Portrait]:
        """Open all records in a folder, ``NAME.zplus.npz``, sorted; directions among them can be followed, too.

        What cannot be opened is logged, and left out.

        Raises:
            RecordError: the folder cannot be read, or nothing in it can be opened; the message names all problems.
        """
        path = Path(path)
        try:
            files = sorted(path.glob(f"*{MARK}.npz"))
        except OSError as error:
            raise RecordError(f"The folder {path} cannot be read: {reason(error)}.") from None
        found: dict[str, Portrait] = {}
        problems = []
        for file in files:
            try:
                if not self._is_direction(file):
                    portrait = self.add(file)
                    found[portrait.id] = portrait
            except ZPlusError as error:
                problems.append(str(error))
        if not found:
            raise RecordError("\n".join(problems) or f"There is no record in the folder {path}; expected *{MARK}.npz.")
        for problem in problems:
            _log.warning("left out: %s", problem)
        return list(found.values())

    def _keep(self, direction: Direction) -> None:
        with self._lock:
            known = self._directions.setdefault(direction.name, direction)
        same = known.w.shape == direction.w.shape and torch.equal(known.w, direction.w)
        if known is not direction and not (same and torch.equal(known.z, direction.z)):
            raise UsageError(f"Two directions are named {direction.name}. Give one of them.")

    def _is_direction(self, path: Path) -> bool:
        try:
            direction = Direction.load(path)
        except DirectionError:
            return False
        self._compute(lambda: direction.require(self.model.generator))
        self._keep(direction)
        return True

    def _opened(self, path: Path) -> list[Opened]:
        """The code of a record, and the style code that is derived from it."""
        record = PointRecord.load(path)
        model = self.models.of(record, path)
        found = [Opened(path, record, model, record.require(model, str(path)))]
        derived = _DERIVED.get(record.point.space.name)
        if derived is not None:
            found.append(replace(found[0], point=style_point(model, found[0].point, derived)))
        return found


@torch.no_grad()
def style_point(model: Model, point: Point, space: str) -> Point:
    """The style codes of a point in Z or Z+ as a point in W+ with the same F, which has the same picture."""
    wanted = SPACES[space]
    return Point(wanted, model.w(point)[:, model.first_layer(wanted) :].clone(), point.f)


def _id_of(record: PointRecord) -> str:
    picture, alignment = record.about.get("picture_sha256"), record.about.get("alignment")
    if edits_of(record.about) or not isinstance(picture, str) or not _SHA256.fullmatch(picture):
        return record.digest()[:_DIGITS]
    if alignment is None:
        return picture[:_DIGITS]
    return digest(picture, json.dumps(alignment, sort_keys=True))[:_DIGITS]


def _name_of(path: Path, space: str) -> str:
    name = path.name.removesuffix(".npz").removesuffix(MARK)
    return name.removesuffix(f".{space.replace('/', '-')}") or name


def _target_of(path: Path, about: Mapping[str, Any]) -> Path | None:
    """The inverted picture, where it is beside its record, or among the photographs there, and still the same."""
    name, sha256 = about.get("picture"), about.get("picture_sha256")
    if not isinstance(name, str) or not isinstance(sha256, str) or Path(name).name != name:
        return None
    files = (path.parent / name, path.parent / PHOTOS / name)
    try:
        return next((file for file in files if file.is_file() and checksum(file) == sha256), None)
    except (OSError, ValueError):
        return None


def _joined(before: Portrait, fresh: Portrait) -> Portrait:
    """A portrait with the codes of another record of its picture; derived codes give way to others."""
    spaces = dict(before.spaces)
    for name, opened in fresh.spaces.items():
        if not opened.derived or name not in spaces or spaces[name].derived:
            spaces[name] = opened
    return replace(before, spaces=spaces, target=fresh.target or before.target)
