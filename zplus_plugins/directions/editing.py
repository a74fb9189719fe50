"""``zplus edit`` for any number of records: all are checked, and then read again and edited one at a time."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from zplus_plugins.directions import edit
from zplus_plugins.directions.direction import Direction
from zplus_plugins.directions.series import Series
from zplus_plugins.errors import RecordError, UsageError, ZPlusError
from zplus_plugins.inversion import Model, Point
from zplus_plugins.inversion.opening import Models
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.system.picture_file import reason
from zplus_plugins.system.results import MARK

_RECORDS = f"*{MARK}.npz"


def record_files(paths: Iterable[Path]) -> list[Path]:
    """The records given by paths; a folder gives all ``NAME.zplus.npz`` in it, sorted, without subfolders.

    Raises:
        RecordError: a folder cannot be read or contains none; the message names all such folders.
        UsageError: the edits of two records would have the same names, ignoring case, as some file systems do.
    """
    found: list[Path] = []
    problems = []
    for path in paths:
        try:
            inside = sorted(path.glob(_RECORDS)) if path.is_dir() else [path]
        except OSError as error:
            problems.append(f"The folder {path} cannot be read: {reason(error)}.")
            continue
        if not inside:
            problems.append(f"There is no record in the folder {path}; expected {_RECORDS}.")
        found += inside
    if problems:
        raise RecordError("\n".join(problems))
    seen: dict[str, Path] = {}
    for path in found:
        other = seen.setdefault(unicodedata.normalize("NFC", path.stem.removesuffix(MARK)).casefold(), path)
        if other is not path:
            raise UsageError(f"The edits of {other} and {path} would have the same names. Edit one of them elsewhere.")
    return found


@dataclass(frozen=True)
class Edited:
    """The edits of one record.

    Attributes:
        record: its file.
        direction: to move along.
        files: to be written.
        settings: on which they depend.
        notes: what a user should know, in sentences.
    """

    record: Path
    direction: Direction
    files: Series
    settings: dict[str, str]
    notes: tuple[str, ...]


class Editor:
    """Moves codes along one direction.

    Args:
        models: of the generator.
        direction: its name or file.
        layers: the first and the last layer to move; None for those that the direction moves.
        strengths: of the edits.
        local: as for :func:`~zplus_plugins.directions.edit.edited`.
    """

    def __init__(
        self,
        models: Models,
        direction: str,
        layers: tuple[int, int] | None,
        strengths: list[float],
        local: bool,
    ) -> None:
        self._models, self._name, self._layers = models, direction, layers
        self.strengths, self._local = strengths, local
        self._direction: Direction | None = None

    def check(
        self, records: Sequence[Path], skip_bad: bool = False, on_record: Callable[[int], object] = lambda n: None
    ) -> tuple[list[Edited], list[ZPlusError]]:
        """What is to be done, and what is wrong with the records that cannot be used.

        Raises:
            ZPlusError: none can be used, or some cannot and are not to be left out; the message names all of them.
            DirectionError, GeneratorFileError: the direction or the generator cannot be used.
        """
        fit: list[Edited] = []
        unfit: list[ZPlusError] = []
        for path in records:
            try:
                fit.append(self._edited(path))
            except (RecordError, UsageError) as error:
                named = len(records) == 1 or str(path) in str(error)
                unfit.append(error if named else type(error)(f"{path}: {error}"))
            on_record(1)
        if unfit and not (skip_bad and fit):
            raise unfit[0] if len(unfit) == 1 else RecordError("\n".join(map(str, unfit)))
        return fit, unfit

    def pictures(self, one: Edited) -> Tensor:
        """The edited images of a record, (strengths, 3, R, R), on the CPU.

        Raises:
            RecordError: it has changed since it was checked, or can no longer be read.
        """
        record, model, point = self._read(one.record)
        if record.digest() != one.settings["record"]:
            raise RecordError(f"{one.record} has changed since it was checked. Run the same command again.")
        return edit.edited(model, point, one.direction, self.strengths, local=self._local)

    @property
    def direction(self) -> Direction:
        """The direction, in all layers.

        Raises:
            DirectionError: it cannot be used.
        """
        if self._direction is None:
            self._direction = edit.direction_named(self._name, self._models.generator)
        return self._direction

    def _read(self, path: Path) -> tuple[PointRecord, Model, Point]:
        record = PointRecord.load(path)
        model = self._models.of(record, path)
        return record, model, record.require(model, str(path))

    def _edited(self, path: Path) -> Edited:
        record, model, point = self._read(path)
        direction = self.direction
        if self._layers is not None:
            direction = edit.in_layers(direction, self._layers, model, point)
        files = Series.of_edit(path, direction.name, self.strengths)
        settings = edit.settings_of(record, direction, self._local)
        return Edited(path, direction, files, settings, tuple(record.notes))
