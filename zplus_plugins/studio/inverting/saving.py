"""What a page shows becomes files: a picture, a record, a film, or the photograph with the edit in it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from zplus_plugins.directions import Direction
from zplus_plugins.directions.edits.film import FORMATS, Film
from zplus_plugins.directions.edits.photographs import PHOTOS
from zplus_plugins.directions.edits.request import Request
from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.inversion import Model, Point, Space
from zplus_plugins.inversion.opening import Models
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.photos.pasting import alignment_in_record, photo_of
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.studio.engine.scene import Scene, SceneError, Source
from zplus_plugins.studio.inverting.edits import KINDS, Kind, save_edit
from zplus_plugins.studio.inverting.folder import first_free, numbered, working_in
from zplus_plugins.studio.inverting.masks import Masks
from zplus_plugins.studio.inverting.origins import Known, record_of_base
from zplus_plugins.system.cache import digest
from zplus_plugins.system.options import FPS
from zplus_plugins.system.results import MARK, Settings, result_name
from zplus_plugins.system.threads import limited_to, threads_for

FRAMES = 60
"""Of a film, from before to the edit; it goes back the same way."""
_ONLY: dict[Kind, str] = {"picture": "png", "record": "npz", "pasted": "png"}


class Opened(Protocol):
    """The code of a portrait in a space."""

    @property
    def path(self) -> Path:
        """The file of its record, which may be one in another space."""

    @property
    def record(self) -> PointRecord:
        """It."""


class Stage(Protocol):
    """What is needed of :class:`~zplus_plugins.studio.engine.painting.Painter`, in the thread that owns the models."""

    @property
    def models(self) -> Models:
        """The models of the generator."""

    @property
    def directions(self) -> Mapping[str, Direction]:
        """All directions by name."""

    def opened(self, source: Source, space: Space) -> Opened:
        """The code of a portrait. Raises SceneError if it has none in the space."""

    def base(self, scene: Scene, space: Space) -> tuple[Model, Point]:
        """The code before the edits. Raises SceneError."""

    def strengths(self, scene: Scene, space: Space) -> Mapping[str, float]:
        """The strengths of the edits, in a scene of changes those that reach them in the space."""

    def picture(self, scene: Scene, space: Space, share: float) -> Tensor:
        """The picture (3, R, R) with a share of all edits, with truncation and mask, on the CPU."""


@dataclass(frozen=True)
class What:
    """What is to be saved of a scene.

    Attributes:
        kind: the picture, the record, the film, or the photograph with the edit in it.
        space: which of the scene's.
        format: ``png``, ``npz``, or that of a film.
    """

    kind: Kind
    space: Space
    format: str

    @classmethod
    def of(cls, plain: Any, scene: Scene) -> What:
        """What is asked for in JSON: ``{"kind": ..., "space": ..., "format": ...}``, of which only the kind is needed.

        Without a space, it is the scene's first. A film without a format is MP4 if that can be written, else WebP.

        Raises:
            SceneError: the kind, the space or the format is not one of those that there are.
        """
        if not isinstance(plain, Mapping) or not set(plain) <= {"kind", "space", "format"}:
            raise SceneError("What is to be saved is not an object with kind, space and format.")
        kind, space, kept = plain.get("kind"), plain.get("space"), plain.get("format")
        if kind not in KINDS:
            raise SceneError(f"{_shown(kind)} cannot be saved; expected one of {', '.join(KINDS)}.")
        if space is None:
            space = scene.spaces[0]
        if space not in scene.spaces:
            raise SceneError(f"The scene does not show the space {_shown(space)}; it shows {', '.join(scene.spaces)}.")
        formats = FORMATS if kind == "video" else (_ONLY[kind],)
        if kept is None:
            kept = _usual_film() if kind == "video" else formats[0]
        if kept not in formats:
            raise SceneError(f"A {kind} cannot be saved as {_shown(kept)}; expected {', '.join(formats)}.")
        return cls(kind, SPACES[space], kept)


class Saving:
    """Saves scenes in a folder of results.

    Files are those of ``zplus edit``, bit for bit, where the scene begins at a record. Where something is done to the
    code before the edits, the code is written as a record of its own first, and the files are those of ``zplus edit``
    for that one. Strengths are rounded to a thousandth, as there. Nothing is overwritten: what is there already is
    left, and other results of the same name get a number.

    Args:
        out: the folder of results.
        masks: those that scenes name.
    """

    def __init__(self, out: Path | str, masks: Masks) -> None:
        self._out, self._masks = Path(out), masks

    def save(self, stage: Stage, scene: Scene, what: Any) -> list[Path]:
        """Save a scene; in the thread that works with the model.

        Args:
            stage: what shows the scene.
            scene: the scene.
            what: as for :meth:`What.of`.

        Returns:
            The files.

        Raises:
            SceneError: the scene shows what is not there, or ``what`` is wrong.
            UsageError: it cannot be saved so; the message says why.
            RecordError: the code cannot be a record.
            RequirementError: it cannot be written, the photograph is not there, or a package is missing.
        """
        wanted = What.of(what, scene)
        film = Film(wanted.format, FRAMES, FPS, back=True) if wanted.kind == "video" else None
        if film is not None:
            film.require()
        strengths = {name: round(value, 3) + 0.0 for name, value in stage.strengths(scene, wanted.space).items()}
        strengths = {name: value for name, value in strengths.items() if value}
        if wanted.kind in ("video", "pasted") and not strengths and scene.psi == 1:
            raise UsageError(f"There is no edit to save as a {wanted.kind}. Move a slider first.")
        if scene.psi != 1:
            return self._truncated(stage, scene, wanted, film, strengths)
        model, point = stage.base(scene, wanted.space)
        base = record_of_base(scene, model, point, lambda source: _known(stage, source, wanted.space), self._out)
        if not strengths:
            return [base if wanted.kind == "record" else self._unedited(stage, base, model, point)]
        request = Request.of(
            [f"{name}={value!r}" for name, value in strengths.items()],
            None,
            scene.layers,
            scene.path == "local",
            None if scene.mask is None else str(self._masks.path(scene.mask.id)),
            0.0 if scene.mask is None else scene.mask.feather,
            film,
            str(self._photo(base)) if wanted.kind == "pasted" else None,
        )
        return save_edit(stage.models, base, request, wanted.kind, self._out, stage.directions)

    def _unedited(self, stage: Stage, base: Path, model: Model, point: Point) -> Path:
        """The picture of a record: the one that was written with it, or else one of its own."""
        beside = base.with_suffix(".png")
        with working_in(self._out) as results, suppress(UsageError):  # it has been changed
            settings = results.made_with(beside.name) if base.parent.resolve() == self._out.resolve() else None
            if settings is not None and results.finished([beside.name], settings):
                return self._out / beside.name
        name, record = base.stem.removesuffix(MARK), PointRecord.load(base)
        with torch.no_grad():
            pictures = (model.pictures(point)[0].cpu() for _ in range(1))
            return self._written(stage, f"{name}.before", {"record": record.digest()}, pictures)

    def _truncated(
        self, stage: Stage, scene: Scene, wanted: What, film: Film | None, strengths: Mapping[str, float]
    ) -> list[Path]:
        """The picture or the film of a scene with a truncation."""
        title, psi = wanted.space.title, f"{scene.psi:.3f}"
        if wanted.kind in ("record", "pasted"):
            raise RecordError(
                f"With the truncation {psi}, the picture is not that of a code in {title} that a record could hold. "
                "Save the picture or the film, or set the truncation to 1."
            )
        source = _known(stage, scene.source, wanted.space)
        edits = [f"{name}{value:+.3f}" for name, value in sorted(strengths.items())]
        name = ".".join([source.name, *edits, f"psi{psi}"])
        settings = {"scene": digest(repr(scene.plain()), repr(sorted(source.stated.items())))[:16]}
        if film is None:
            return [self._written(stage, name, settings, (stage.picture(scene, wanted.space, 1.0) for _ in range(1)))]
        shares = [index / (film.frames - 1) for index in film.order]
        frames = (stage.picture(scene, wanted.space, share) for share in shares)
        return [self._written(stage, name, settings, frames, film)]

    def _written(
        self, stage: Stage, name: str, settings: Settings, pictures: Iterator[Tensor], film: Film | None = None
    ) -> Path:
        """Write a picture, or the film of several, unless it is there."""
        suffix = ".png" if film is None else f".{film.file}"
        known = dict(settings) if film is None else film.settings(settings)
        with working_in(self._out) as results, limited_to(threads_for(stage.models.generator)):
            n = first_free(results, lambda n: {result_name(numbered(name, n), suffix): known})
            file = result_name(numbered(name, n), suffix)
            if not results.finished([file], known):
                if film is not None:
                    film.named(numbered(name, n)).write(pictures, results, settings)
                else:
                    with results.writing(known) as folder:
                        sheet(next(pictures)[None], 1).save(folder / file)
        return self._out / file

    def _photo(self, record: Path) -> Path:
        """The photograph of a record: the one that is kept, or one beside the record."""
        alignment = alignment_in_record(PointRecord.load(record).about, record)
        above = record.resolve().parent.parent
        places = (self._out / PHOTOS, record.parent, record.parent / PHOTOS, above, Path())
        return photo_of(alignment, places)


def _known(stage: Stage, source: Source, space: Space) -> Known:
    if source.seed is not None:
        return Known.of_seed(source.seed, space)
    opened = stage.opened(source, space)
    return Known.of_record(opened.path, opened.record, space)


def _usual_film() -> Literal["mp4", "webp"]:
    return "mp4" if importlib.util.find_spec("av") is not None else "webp"


def _shown(value: Any) -> str:
    return repr(value)[:40]


def formats() -> Iterable[str]:
    """The formats in which a film can be written here."""
    return [kind for kind in FORMATS if kind != "mp4" or importlib.util.find_spec("av") is not None]
