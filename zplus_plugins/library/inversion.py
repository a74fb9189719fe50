"""Inverted images: their codes, pictures, edits and files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from torch import Tensor

from zplus_plugins.directions import Direction, Pursuit
from zplus_plugins.directions.edit import direction_named
from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.inversion import Model, Point
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.library.models import GivenGenerator, model_for
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.files import write_whole

Way = Literal["local", "global"]
_RECORD = ".npz"
_PICTURES = {".png": "PNG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP"}
"""Formats without loss, by the end of a file's name."""


class Inversion:
    """Codes of B images; what :func:`~zplus_plugins.invert` returns, and every edit.

    ``inversion[0]`` and ``inversion[2:5]`` are inversions of some of the images, and iterating gives each one alone.

    Attributes:
        model: generator and spaces.
        point: the codes, (B, L, D), and F, (B, C, r, r), or None.
        losses: the final loss of each image, (B,), on the CPU; of an edit, that of the inversion that was edited.
        about: how the codes of each image were found, as records state it.
        sources: the file of each image, or None.
    """

    def __init__(
        self,
        model: Model,
        point: Point,
        losses: Tensor,
        about: Sequence[Mapping[str, Any]],
        sources: Sequence[Path | None],
    ) -> None:
        self.model, self.point, self.losses = model, point, losses
        self.about, self.sources = tuple(about), tuple(sources)

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
        return cls(first.model, point, torch.cat([part.losses for part in parts]), about, sources)

    @classmethod
    def load(cls, path: Path | str, generator: GivenGenerator | Model = None, device: str | None = None) -> Inversion:
        """Open the record of one image: of :meth:`save`, ``zplus invert``, or ``zplus run`` with codes in Z and Z+.

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
        loss = _parts(record.about)[0].get("loss")
        losses = torch.tensor([loss if isinstance(loss, float) else float("nan")])
        return cls(model, point, losses, [record.about], [None])

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, index: int | slice) -> Inversion:
        if isinstance(index, int):
            number = range(len(self))[index]  # raises IndexError
            index = slice(number, number + 1)
        return Inversion(self.model, self.point[index], self.losses[index], self.about[index], self.sources[index])

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

    def edit(self, direction: Direction | Path | str, strength: float = 1.0, *, way: Way = "local") -> Inversion:
        """The same images, moved along a direction; F stays. Edits can follow one another.

        Args:
            direction: a direction, the path of its file, or the name of one of the embedded generator, such as
                ``smile``.
            strength: in units of the direction; negative for the other way.
            way: how codes in Z and Z+ move: ``local``, each along its own path on the hypersphere, so that its style
                code follows the direction in W; ``global``, all along geodesics of one direction in Z, as in arXiv
                2307.08995.

        Raises:
            DirectionError: there is no such direction, or it belongs to another generator.
            UsageError: there is no such way.
        """
        if way not in ("local", "global"):
            raise UsageError(f"There is no way {way!r} to edit; expected local or global.")
        generator = self.model.generator
        if isinstance(direction, Direction):
            direction.require(generator)
        else:
            direction = direction_named(str(direction), generator)
        z, w = direction.z.to(generator.w_mean), direction.w.to(generator.w_mean)
        chases = way == "local" and self.point.space.kind == "z"
        move = Pursuit(self.model, self.point, w) if chases else partial(self.model.moved, self.point, z, w)
        step = {"direction": direction.name, "strength": strength, "way": way}
        parts = [_parts(how) for how in self.about]
        about = [{"inversion": inversion, "edits": [*edits, step]} for inversion, edits in parts]
        return Inversion(self.model, move(strength), self.losses, about, self.sources)

    def save(self, path: Path | str, *, overwrite: bool = False) -> None:
        """Write the only image: its record, for ``zplus edit`` and :meth:`load`, or its picture.

        Args:
            path: ``NAME.npz`` for the record; ``NAME.png`` or another format without loss for the picture.
            overwrite: whether to replace a file of that name. The image that was inverted is never replaced.

        Raises:
            UsageError: there are several images, the name ends otherwise, or there is such a file.
            RecordError: the codes are not finite, or are those of a script with a truncation, which no record states.
            RequirementError: the file cannot be written.
        """
        path = Path(path)
        kind = path.suffix.lower()
        self._require_one("save()", "write each by itself: for one in inversion: one.save(...)")
        if kind != _RECORD and kind not in _PICTURES:
            raise UsageError(f"{path} is to be saved; expected {_RECORD} for the record or {', '.join(_PICTURES)}.")
        if os.path.lexists(path) and not overwrite:
            raise UsageError(f"{path} exists. Choose another name, or replace it with overwrite=True.")
        source = self.sources[0]
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise UsageError(f"{path} is the image that was inverted, which is never replaced. Choose another name.")
        write_whole(path, self._record().as_bytes() if kind == _RECORD else self._encoded(_PICTURES[kind]))

    def _record(self) -> PointRecord:
        if self.model.truncation.psi != 1:
            raise RecordError(
                f"The codes are those of a script with the truncation psi {self.model.truncation.psi:g}, and a record "
                "of ours states none. Save the picture instead, as .png."
            )
        return PointRecord.of(self.model, self.point, self.about[0])

    def _encoded(self, kind: str) -> bytes:
        buffer = io.BytesIO()
        lossless = {"lossless": True} if kind == "WEBP" else {}
        self.image().save(buffer, kind, **lossless)
        return buffer.getvalue()

    def _require_one(self, what: str, otherwise: str) -> None:
        if len(self) != 1:
            raise UsageError(f"{what} is of one image, and there are {len(self)}: {otherwise}.")


def _parts(about: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[Any]]:
    """How codes were found by an inversion, and the edits that followed, of a record that may be anybody's."""
    inversion, edits = about.get("inversion"), about.get("edits")
    return (inversion, edits) if isinstance(inversion, dict) and isinstance(edits, list) else (about, [])
