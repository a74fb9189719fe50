"""Inverted images: their codes, pictures, edits and files."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from PIL import Image
from torch import Tensor

from zplus_plugins.directions import Direction
from zplus_plugins.directions.edit import direction_named
from zplus_plugins.directions.edits.combination import STRONGEST, Combination, Part
from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import Model, Point
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.library.models import GivenGenerator, model_for
from zplus_plugins.photos.photograph import hash_of
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.records.inversion import InversionRecord
from zplus_plugins.system.files import write_whole

Way = Literal["local", "global"]
Wanted: TypeAlias = Direction | Path | str
"""A direction, the path of its file, or the name of one of the embedded generator."""
Several: TypeAlias = Mapping[str, float] | Mapping[Path, float] | Mapping[Direction, float] | Mapping[Wanted, float]
_RECORD = ".npz"
_PICTURES = {".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
"""Formats without loss, by the end of a file's name."""
_log = logging.getLogger("zplus_plugins")


class Inversion:
    """Codes of B images; what :func:`~zplus_plugins.invert` returns, and every edit.

    ``inversion[0]`` and ``inversion[2:5]`` are inversions of some of the images, and iterating gives each one alone.

    Attributes:
        model: generator and spaces.
        point: the codes, (B, L, D), and F, (B, C, r, r), or None.
        losses: the final loss of each image, (B,), on the CPU; NaN for an edit, which is not compared with the image.
        about: how the codes of each image were found and edited, as records state it.
        sources: the file of each image, or None.
        scripts: the record of the script that found each code, or None.
    """

    def __init__(
        self,
        model: Model,
        point: Point,
        losses: Tensor,
        about: Sequence[Mapping[str, Any]],
        sources: Sequence[Path | None],
        scripts: Sequence[InversionRecord | None] | None = None,
    ) -> None:
        self.model, self.point, self.losses = model, point, losses
        self.about, self.sources = tuple(about), tuple(sources)
        self.scripts = (None,) * len(self.about) if scripts is None else tuple(scripts)

    @classmethod
    def joined(cls, parts: Sequence[Inversion]) -> Inversion:
        """Inversions into one space of one model as one, in order."""
        first = parts[0]
        if len(parts) == 1:
            return first
        f = None if first.point.f is None else torch.cat([part.point.f for part in parts if part.point.f is not None])
        point = Point(first.point.space, torch.cat([part.point.code for part in parts]), f)
        about = [how for part in parts for how in part.about]
        sources = [source for part in parts for source in part.sources]
        scripts = [script for part in parts for script in part.scripts]
        return cls(first.model, point, torch.cat([part.losses for part in parts]), about, sources, scripts)

    @classmethod
    def load(cls, path: Path | str, generator: GivenGenerator | Model = None, device: str | None = None) -> Inversion:
        """Open the record of one image: of :meth:`save`, ``zplus invert``, ``zplus edit``, or ``zplus run``.

        That of a script has codes in Z or Z+. What should be known of a record is logged, such as the region of an
        edit, to which its code is not confined.

        Args:
            path: the record, ``NAME.npz``.
            generator: that of the inversion, as for :func:`~zplus_plugins.invert`.
            device: likewise.

        Raises:
            RecordError: the record cannot be read, or belongs to another generator.
            UsageError: it is a script's, and no generator was given.
            GeneratorFileError, RequirementError: as for :func:`~zplus_plugins.invert`.
        """
        record = PointRecord.load(path)
        if record.script is not None and generator is None:
            raise UsageError(
                f"{path} is the record of a code from {record.script.provenance.adapter}, without its generator. Give "
                "the checkpoint of the inversion as generator."
            )
        how = (record.f_resolution, record.noise, record.truncation)
        if isinstance(generator, Model):
            model = Model(generator.generator, generator.statistics, *how)
        else:
            model = model_for(generator, device, *how)
        point = record.require(model, str(path))
        for note in record.notes:
            _log.warning("%s: %s", path, note)
        loss = record.about.get("loss")
        losses = torch.tensor([loss if isinstance(loss, float) else float("nan")])
        return cls(model, point, losses, [record.about], [None], [record.script])

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, index: int | slice) -> Inversion:
        if isinstance(index, int):
            number = range(len(self))[index]  # raises IndexError
            index = slice(number, number + 1)
        parts = self.losses[index], self.about[index], self.sources[index], self.scripts[index]
        return Inversion(self.model, self.point[index], *parts)

    def __iter__(self) -> Iterator[Inversion]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"Inversion({len(self)} in {self.point.space.title}, loss {self.loss:.4g})"

    @property
    def loss(self) -> float:
        """The mean of the losses."""
        return float(self.losses.mean())

    @torch.no_grad()
    def tensor(self) -> Tensor:
        """The pictures, (B, 3, R, R), mostly in [-1, 1], on the model's device.

        They are made one at a time: those made together differ in their last digits from those made alone.
        """
        return torch.cat([self.model.pictures(one.point) for one in self])

    def image(self) -> Image.Image:
        """The picture of the only image.

        Raises:
            UsageError: there are several.
        """
        self._require_one("image()", "images() gives a list, and inversion[0].image() the first")
        return sheet(self.tensor(), 1)

    def images(self) -> list[Image.Image]:
        """All pictures."""
        return [one.image() for one in self]

    def edit(self, direction: Wanted | Several, strength: float | None = None, *, way: Way = "local") -> Inversion:
        """The same images, moved along directions, as ``zplus edit`` moves them; F stays. Edits can follow one another.

        Args:
            direction: a direction, the path of its file, or the name of one of the embedded generator, such as
                ``smile``; or several with their strengths, ``{"smile": 1.5, "age": -2}``, which are added before the
                code moves, so that their order does not matter.
            strength: of a single direction, in its units; negative for the other way. 1 unless given.
            way: how codes in Z and Z+ move: ``local``, each along its own path on the hypersphere, so that its style
                code follows the direction in W; ``global``, all along geodesics of one direction in Z, as in arXiv
                2307.08995.

        Raises:
            DirectionError: there is no such direction, or it belongs to another generator.
            UsageError: there is no such way or strength, or a direction is given twice.
            RecordError: an edited code is not finite.
        """
        if way not in ("local", "global"):
            raise UsageError(f"There is no way {way!r} to edit; expected local or global.")
        combination, share = self._combined(direction, strength)
        stated = combination.stated(share, self.point.space, way == "local")
        digest = weights_hash(self.model.generator)
        return Inversion.joined([one._edited(combination, share, way, stated, digest) for one in self])

    def _combined(self, direction: Wanted | Several, strength: float | None) -> tuple[Combination, float]:
        """Directions, and the strength of the only one or, of several, the whole share: 1."""
        if not isinstance(direction, Mapping):
            found = self._named(direction)
            return Combination.of([Part(found, None)]), _strength(found, 1.0 if strength is None else strength)
        if strength is not None or not direction:
            raise UsageError("Several directions are given with a strength each, such as {'smile': 1.5, 'age': -2}.")
        if len(direction) == 1:
            ((only, share),) = direction.items()
            return self._combined(only, share)
        shares = [(self._named(one), share) for one, share in direction.items()]
        return Combination.of([Part(one, _strength(one, share)) for one, share in shares]), 1.0

    def _named(self, direction: Wanted) -> Direction:
        generator = self.model.generator
        if not isinstance(direction, Direction):
            return direction_named(str(direction), generator)
        direction.require(generator)
        return direction

    def _edited(
        self, combination: Combination, strength: float, way: Way, stated: Mapping[str, Any], digest: str
    ) -> Inversion:
        """The edit of the only image; codes that move together differ in their last digits from those alone."""
        with torch.no_grad():
            point = combination.move(self.model, self.point, way == "local")(strength)
        record = self._record(digest).moved(self.model, point, stated)
        unknown = torch.full_like(self.losses, float("nan"))
        return Inversion(self.model, point, unknown, [record.about], self.sources, [record.script])

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the only image: its record, for ``zplus edit`` and :meth:`load`, or its picture.

        Args:
            path: ``NAME.npz`` for the record; ``NAME.png`` or another format without loss for the picture.
            overwrite: whether to replace a file of that name. The image that was inverted is never replaced.

        Raises:
            UsageError: there are several images, the name ends otherwise, or there is such a file.
            RecordError: the codes are not finite, or belong to a model with a truncation though no script found them.
            RequirementError: the file cannot be written.
        """
        path = Path(path)
        kind = path.suffix.lower()
        self._require_one("save()", "write each by itself: for one in inversion: one.save(...)")
        if kind != _RECORD and kind not in _PICTURES:
            raise UsageError(f"{path} is to be saved; expected {_RECORD} for the record or {', '.join(_PICTURES)}.")
        if os.path.lexists(path) and not overwrite:
            raise UsageError(f"{path} exists. Choose another name, or replace it with overwrite=True.")
        if path.exists() and self._is_input(path):
            raise UsageError(f"{path} is the image that was inverted, which is never replaced. Choose another name.")
        write_whole(path, self._recorded() if kind == _RECORD else self._encoded(_PICTURES[kind]))

    def _is_input(self, path: Path) -> bool:
        """Whether a file is the image that was inverted, or the photograph that it was cut out of."""
        source, about = self.sources[0], self.about[0]
        if source is not None and source.exists() and path.samefile(source):
            return True
        alignment = about.get("alignment")
        photo = alignment.get("photo_sha256") if isinstance(alignment, Mapping) else None
        found = hash_of(path)
        return found is not None and found in (about.get("picture_sha256"), photo)

    def _recorded(self) -> bytes:
        if self.model.truncation.psi != 1 and self.scripts[0] is None:
            raise RecordError(
                f"The codes belong to a model with the truncation psi {self.model.truncation.psi:g}, and a record of "
                "ours states none. Save the picture instead, as .png."
            )
        if self.scripts[0] is None:
            return PointRecord.of(self.model, self.point, self.about[0]).as_bytes()
        return self._record(weights_hash(self.model.generator)).as_bytes()

    def _record(self, digest: str) -> PointRecord:
        """The record of the only image; ``digest`` is the generator's."""
        script = self.scripts[0]
        own = digest if script is None else None
        return PointRecord(self.point, own, self.model.f_resolution, self.model.noise, self.about[0], script)

    def _encoded(self, kind: str) -> bytes:
        buffer = io.BytesIO()
        lossless = {"lossless": True} if kind == "WEBP" else {}
        self.image().save(buffer, kind, **lossless)
        return buffer.getvalue()

    def _require_one(self, what: str, otherwise: str) -> None:
        if len(self) != 1:
            raise UsageError(f"{what} is of one image, and there are {len(self)}: {otherwise}.")


def _strength(direction: Direction, strength: float) -> float:
    if not abs(strength) <= STRONGEST:
        raise UsageError(f"The strength of {direction.name} is {strength:g}; expected {-STRONGEST:g} to {STRONGEST:g}.")
    return float(strength)
