"""``zplus edit`` for any number of records: all are checked, and then read again and edited one at a time."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from zplus_plugins.directions import Direction, edit
from zplus_plugins.directions.edits.combination import Combination, Part
from zplus_plugins.directions.edits.film import Film
from zplus_plugins.directions.edits.making import Making
from zplus_plugins.directions.edits.photographs import Photographs
from zplus_plugins.directions.edits.region import Region
from zplus_plugins.directions.edits.request import Request
from zplus_plugins.directions.edits.series import Series, ends_of
from zplus_plugins.errors import RecordError, RequirementError, UsageError, ZPlusError
from zplus_plugins.inversion import Model, Point
from zplus_plugins.inversion.domain import is_embedded
from zplus_plugins.inversion.opening import Models
from zplus_plugins.inversion.record import PointRecord, masked_note
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.picture_file import reason
from zplus_plugins.system.results import MARK, Results, results_in

DIRECTION = "direction"  # the setting of edits, and of nothing else with records
_RECORDS = f"*{MARK}.npz"


def record_files(paths: Iterable[Path], out: Path | None = None) -> list[Path]:
    """The records given by paths; a folder gives all ``NAME.zplus.npz`` in it, sorted, without subfolders.

    Args:
        paths: records, and folders of them.
        out: the folder for the edits. If records are taken from it, those of earlier edits in it are left out, so that
            a command that is repeated does not edit its own results.

    Raises:
        RecordError: a folder cannot be read or contains none; the message names all such folders.
        UsageError: the edits of two records would have the same names, ignoring case, as some file systems do.
    """
    found: list[Path] = []
    problems = []
    for path in paths:
        try:
            inside = sorted(path.glob(_RECORDS)) if path.is_dir() else [path]
            if path.is_dir() and out is not None and out.is_dir() and path.samefile(out):
                edits = results_in(path, setting=DIRECTION)
                inside = [one for one in inside if one not in edits]
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


class There(NamedTuple):
    """Which results of a record's edit exist; those that were not asked for count as existing."""

    images: bool = False
    film: bool = False
    photographs: bool = False


@dataclass(frozen=True)
class Edited:
    """The edits of one record.

    Attributes:
        record: its file.
        combination: the directions to move along.
        files: to be written.
        film: to be written, if there is one.
        photographs: to be written with the edits in them, if there are any.
        settings: on which the files depend.
        notes: what a user should know, in sentences.
    """

    record: Path
    combination: Combination
    files: Series
    film: Film | None
    photographs: Photographs | None
    settings: dict[str, str]
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The names of all files."""
        film, photographs = [self.film.file] if self.film else [], self.photographs.files if self.photographs else ()
        return [*self.files, *film, *photographs]

    @property
    def frames(self) -> int:
        """The number of frames of the film."""
        return len(self.film.order) if self.film else 0

    def finished(self, results: Results) -> There:
        """What exists already; errors as for :meth:`Results.finished`."""
        film, photos = self.film, self.photographs
        return There(
            results.finished(self.files, self.settings),
            film is None or results.finished([film.file], film.settings(self.settings)),
            photos is None or results.finished(photos.files, photos.settings(self.settings)),
        )


class Editor:
    """Edits codes as requested.

    Args:
        models: of the generator.
        request: what is to be done with each record.
        directions: those that are known already, by the names by which the request asks for them.
    """

    def __init__(self, models: Models, request: Request, directions: Mapping[str, Direction] | None = None) -> None:
        self._models, self.request, self._directions = models, request, directions or {}

    def check(
        self, records: Sequence[Path], skip_bad: bool = False, on_record: Callable[[int], object] = lambda n: None
    ) -> tuple[list[Edited], list[ZPlusError]]:
        """What is to be done, and what is wrong with the records that cannot be used.

        Raises:
            ZPlusError: none can be used, or some cannot and are not to be left out; the message names all of them.
            DirectionError, GeneratorFileError: a direction or the generator cannot be used.
            RequirementError, UsageError: the mask or the film cannot be made.
        """
        fit: list[Edited] = []
        unfit: list[ZPlusError] = []
        for path in records:
            found = self._looked_at(path)
            if isinstance(found, Edited):
                fit.append(found)
            else:
                named = len(records) == 1 or str(path) in str(found)
                unfit.append(found if named else type(found)(f"{path}: {found}"))
            on_record(1)
        if unfit and not (skip_bad and fit):
            raise unfit[0] if len(unfit) == 1 else RecordError("\n".join(map(str, unfit)))
        return fit, unfit

    def write(self, one: Edited, results: Results, there: There, on_frame: Callable[[], object] = lambda: None) -> None:
        """Write the edits of a record: the images with their records, the film, and the photographs with the edits.

        Each of these is written whole or not at all.

        Args:
            one: as it was checked.
            results: the folder to write to.
            there: what exists already.
            on_frame: called after each frame of the film.

        Raises:
            RecordError: as :meth:`making`.
            RequirementError: they cannot be written, or the photograph is another one now.
        """
        making = self.making(one)
        images: Iterable[Image.Image] = (sheet(picture[None], 1) for picture in making.pictures(self.request.shown))
        if not there.images:
            images = one.files.write_with_records(making.with_records(self.request.shown), results, one.settings)
        if one.photographs is not None and not there.photographs:
            one.photographs.write(images, sheet(making.unedited[None], 1), results, one.settings)
        if one.film is not None and not there.film:
            path = self.request.filmed
            frames = making.pictures((path[index] for index in one.film.order), on_frame)
            one.film.write(frames, results, one.settings)

    def making(self, one: Edited) -> Making:
        """What makes the images of a record, the unedited one included, with float values: pasting begins here.

        Raises:
            RecordError: the record has changed since it was checked, or can no longer be read.
        """
        record, model, point = self._read(one.record)
        if record.digest() != one.settings["record"]:
            raise RecordError(f"{one.record} has changed since it was checked. Run the same command again.")
        return Making(record, model, point, one.combination, self.request.local, self._region)

    @cached_property
    def combination(self) -> Combination:
        """The directions, in all layers.

        Raises:
            DirectionError: one cannot be used.
            UsageError: they cannot be combined.
        """
        generator = self._models.generator
        known = self._directions
        named = {
            wish: known[wish.name] if wish.name in known else edit.direction_named(wish.name, generator)
            for wish in self.request.wishes
        }
        return Combination.of([Part(named[wish], wish.strength) for wish in self.request.wishes])

    @cached_property
    def _region(self) -> Region | None:
        request, generator = self.request, self._models.generator
        if request.mask is None:
            return None
        return Region.of(request.mask, generator.architecture.resolution, request.feather, is_embedded(generator))

    def _read(self, path: Path) -> tuple[PointRecord, Model, Point]:
        record = PointRecord.load(path)
        model = self._models.of(record, path)
        return record, model, record.require(model, str(path))

    def _looked_at(self, path: Path) -> Edited | RecordError | UsageError | RequirementError:
        """What is to be done with a record, or what is wrong with it."""
        try:
            record, model, point = self._read(path)
        except (RecordError, UsageError) as error:
            return error
        combination, region, request = self.combination, self._region, self.request
        if request.layers is not None:
            try:
                edit.require_layers(request.layers, model, point)
            except UsageError as error:
                return error
            combination = combination.in_layers(*request.layers, model.generator.num_layers)
        name = combination.name if region is None else f"{combination.name}.in.{region.name}"
        files, film, photographs = Series.of_edit(path, name, request.strengths), None, None
        if request.paste is not None:
            try:
                photographs = Photographs.of(request.paste, path, record.about, files.pictures, request.match_colour)
            except (RecordError, UsageError, RequirementError) as error:
                return error
        if request.film is not None:
            ends = ends_of(request.filmed) if combination.varying else f".x{request.film.frames}"
            film = request.film.named(f"{path.stem.removesuffix(MARK)}.{name}{ends}")
        settings = {
            "record": record.digest(),
            DIRECTION: combination.settings(),
            "way": "local" if request.local else "global",
        }
        notes = list(record.notes)
        if region is not None:
            settings["mask"] = region.digest
            notes.append(masked_note(region.name))
        return Edited(path, combination, files, film, photographs, settings, tuple(notes))


def require_apart(edits: Iterable[Edited], records: Iterable[Path], out: Path) -> None:
    """Require that no record, and no photograph, is replaced by an edit.

    Raises:
        UsageError: one would be.
    """
    edits = list(edits)
    photos = [one.photographs.photo for one in edits if one.photographs is not None]
    inputs = {path.resolve() for path in (*records, *photos)}
    for one in edits:
        for name in one.names:
            if (out / name).resolve() in inputs:
                raise UsageError(
                    f"The edit of {one.record} would replace {out / name}, which is to be edited, too. Choose another "
                    "--out, or edit them one after the other."
                )
