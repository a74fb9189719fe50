"""Records of inverted images: those of ``zplus invert``, and those of ``zplus run`` with codes in Z and Z+.

The format is defined in :mod:`zplus_plugins.records.record`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from zplus_plugins.errors import RecordError
from zplus_plugins.generators import weights_hash
from zplus_plugins.generators.network.layers import Noise
from zplus_plugins.hypersphere.families import mapping_of
from zplus_plugins.hypersphere.geometry import default_radius, sphere_error
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.inversion import SPACES, Model, Point
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.inversion import InversionRecord, hash_code, require_same_code
from zplus_plugins.records.record import Record
from zplus_plugins.records.schema import require_json
from zplus_plugins.system.cache import digest
from zplus_plugins.system.files import write_whole
from zplus_plugins.system.picture_file import picture_size

_OFF_SPHERE = 1e-3  # relative to the radius
_MEASURED = ("loss", "loss_bf16", "mse")  # of the reconstruction
_SHOWN = 60  # characters of a name from a file


@dataclass(frozen=True)
class PointRecord:
    """The codes of one image, and their origin.

    Attributes:
        point: the codes, with a batch size of 1.
        generator: :func:`~zplus_plugins.generators.weights_hash` of the generator; None for the code of a script.
        f_resolution, noise: of the :class:`Model`; None for its defaults.
        about: how the codes were found: plain numbers and strings.
        script: the record of the script that found them, if it was a script.
    """

    point: Point
    generator: str | None
    f_resolution: int | None
    noise: Noise
    about: Mapping[str, Any] = field(default_factory=dict)
    script: InversionRecord | None = None

    @property
    def truncation(self) -> Truncation:
        """The truncation of the :class:`Model`."""
        if self.script is None:
            return Truncation()
        return replace(self.script.truncation, psi=float(self.script.truncation.psi))  # torch rejects large integers

    @property
    def notes(self) -> list[str]:
        """What a user should know before the code is used, in sentences."""
        notes = [masked_note(region) for region in masked_regions(self.about)]
        if self.script is None:
            return notes
        provenance = self.script.provenance
        if provenance.with_f or (provenance.with_f is None and not provenance.without_f):
            which = "F of the script" if provenance.with_f else "F of the script, if it found one,"
            notes.append(
                f"{which} is not in the record, so the images are generated from {self.point.space.title} alone."
            )
        if self.script.w is None:
            notes.append(
                "The record does not contain w, so it cannot be verified that the generator is that of the inversion."
            )
        return notes

    def moved(self, model: Model, point: Point, edit: Mapping[str, Any]) -> PointRecord:
        """The record of the point to which an edit has moved this one's.

        What the inversion measured, such as its loss, is left out: it does not hold for the edited point. The record of
        a script's code gets the w that belongs to the new z.

        Args:
            model: of the point.
            point: after the edit.
            edit: what was done: plain numbers and strings. It becomes the last of ``about["edits"]``, and
                ``about["parent"]`` is the :meth:`digest` of this record.

        Raises:
            RecordError: the point contains NaN or inf, or what this record says of earlier edits is not a list.
        """
        kept = {name: value for name, value in self.about.items() if name not in _MEASURED}
        about = {**kept, "edits": [*edits_of(self.about), dict(edit)], "parent": self.digest()}
        point = Point(point.space, point.code.detach().cpu(), None if point.f is None else point.f.detach().cpu())
        script = self.script
        if script is not None:
            with torch.no_grad():
                w = mapping_of(model.generator, self.truncation)(point.code.to(model.generator.w_mean)).cpu().numpy()
            script = replace(script, z=point.code.numpy(), w=w, w_sha256=hash_code(w))
        record = replace(self, point=point, about=about, script=script)
        record._check()
        return record

    def digest(self) -> str:
        """Sixteen digits that tell apart the pictures of records: of the codes, their space and their generator."""
        whose = self.generator if self.script is None else f"{self.script.w_sha256} {self.truncation}"
        return digest(self.point.space.name, str(whose), *array_bytes(self.point.code, self.point.f))[:16]

    @classmethod
    def of(cls, model: Model, point: Point, about: Mapping[str, Any]) -> PointRecord:
        """The record of a point of a model.

        Raises:
            RecordError: the point has more than one image, or contains NaN or inf.
        """
        record = cls(point, weights_hash(model.generator), model.f_resolution, model.noise, about)
        record._check()
        return record

    def require(self, model: Model, name: str = "this record") -> Point:
        """The point, on the model's device.

        Args:
            model: the model of the generator that was used for the inversion.
            name: the name of the record, for messages.

        Raises:
            RecordError: the record belongs to another generator, or has a wrong shape.
        """
        found = weights_hash(model.generator)
        if self.generator not in (None, found):
            raise RecordError(
                f"The record belongs to the generator {str(self.generator)[:16]}; this one is {found[:16]}. Give the "
                "generator of the inversion with --generator FILE."
            )
        self._require_shapes(model)
        code, f = self.point.code.to(model.generator.w_mean), self.point.f
        if self.script is not None:
            self._require_mapped(self.script.w, model, code, name)
        return Point(self.point.space, code, None if f is None else f.to(model.generator.w_mean))

    @torch.no_grad()
    def _require_mapped(self, w: np.ndarray[Any, Any] | None, model: Model, code: torch.Tensor, name: str) -> None:
        mapped = mapping_of(model.generator, self.truncation)(code)
        if not bool(torch.isfinite(mapped).all()):
            raise RecordError(
                f"The generator, with the truncation psi {self.truncation.psi:g}, maps the recorded z of {name} to NaN "
                "or inf. Give the checkpoint of the inversion with --generator FILE, or invert the image again."
            )
        if w is not None:
            require_same_code(mapped, torch.from_numpy(w), name)

    def _require_shapes(self, model: Model) -> None:
        space = self.point.space
        expected = {"code": (1, *model.code_shape(space)), "f": (1, *model.f_shape) if space.with_f else None}
        for name, want in expected.items():
            tensor = getattr(self.point, name)
            have = None if tensor is None else tuple(tensor.shape)
            if have != want:
                raise RecordError(f"The record's {name} has shape {_shape(have)}; expected {_shape(want)}.")

    def save(self, path: Path | str) -> None:
        """Write the record.

        Raises:
            OSError: it cannot be written.
        """
        if self.script is not None:
            return write_whole(Path(path), self.as_bytes())
        Path(path).write_bytes(self.as_bytes())

    def as_bytes(self) -> bytes:
        """The content of the record's file."""
        if self.script is not None:
            return self.script.as_record(self.about).as_bytes()
        point = self.point
        record = Record(
            point.code.detach().cpu().numpy(),
            point.space.name,
            f=None if point.f is None else point.f.detach().cpu().numpy(),
            radius=default_radius(point.code.shape[-1]) if point.space.kind == "z" else None,
            generator=self.generator,
            f_resolution=self.f_resolution,
            noise=self.noise,
            about=dict(self.about),
        )
        return record.as_bytes()

    @classmethod
    def load(cls, path: Path | str) -> PointRecord:
        """Read a record.

        Raises:
            RecordError: the file does not exist, is damaged or not a record, a field is invalid, or its codes are not
                finite or not on the hypersphere.
        """
        path = Path(path)
        try:
            record = cls._of(Record.read(path), path)
        except FileNotFoundError:
            raise RecordError(f"There is no record {path} (looked in {Path.cwd()}).") from None
        except OSError as error:
            raise RecordError(f"The record {path} cannot be read: {error.strerror or error}.") from None
        except ContentError as error:
            remedy = (
                "Give a NAME.zplus.npz written by zplus invert or zplus run, or invert the image again."
                if picture_size(str(path)) is None
                else f"Invert the image first: zplus invert {shlex.quote(str(path))} --out inverted"
            )
            raise RecordError(f"{path} cannot be read as the record of an inversion: {error}. {remedy}") from None
        try:
            record._check()
        except RecordError as error:
            raise RecordError(f"{path}: {error}") from None
        return record

    @classmethod
    def _of(cls, record: Record, path: Path) -> PointRecord:
        """The codes of a record.

        Raises:
            ContentError, RecordError: as :meth:`InversionRecord.of`; or the radius of the hypersphere differs.
        """
        radius = default_radius(record.code.shape[-1])
        if record.radius is not None and abs(record.radius - radius) > _OFF_SPHERE * radius:
            raise ContentError(
                f"its radius is {record.radius:g}; expected the square root of the dimension, {radius:g}"
            )
        f = None if record.f is None else torch.from_numpy(record.f)
        point = Point(SPACES[record.space], torch.from_numpy(record.code), f)
        script = InversionRecord.of(record, path).with_code_beside(path) if record.of_a_script else None
        noise = cast(Noise, record.noise or "const")
        return cls(point, record.generator, record.f_resolution, noise, record.about, script)

    def _check(self) -> None:
        for name, tensor in (("code", self.point.code), ("f", self.point.f)):
            if tensor is not None and not bool(torch.isfinite(tensor).all()):
                raise RecordError(f"The {name} contains NaN or inf. Invert the image again.")
        if len(self.point) != 1:
            raise RecordError(f"There are codes of {len(self.point)} images; expected 1.")
        code = self.point.code
        off = float(sphere_error(code)) if self.point.space.kind == "z" else 0.0
        if off > _OFF_SPHERE * default_radius(code.shape[-1]):
            raise RecordError(f"The codes are not on the hypersphere. {self._again}")
        edits_of(self.about)
        try:
            require_json(self.about)
        except ContentError as error:
            raise RecordError(f"How the codes were found cannot be recorded: {error}.") from None

    @property
    def _again(self) -> str:
        if self.script is None:
            return "Invert the image again."
        retract = self.script.provenance.retract
        return f"They were found with --retract {retract}: invert the image with --retract step."


def edits_of(about: Mapping[str, Any]) -> list[Any]:
    """The edits that led to a record's code, oldest first.

    Raises:
        RecordError: what the record says of them is not a list.
    """
    edits = about.get("edits", [])
    if not isinstance(edits, list):
        raise RecordError(f"What the record says of its edits is {edits!r:.40}; expected a list. Edit the image again.")
    return edits


def masked_regions(about: Mapping[str, Any]) -> list[str]:
    """The regions to which earlier edits were confined in their pictures, though not in the code; none twice."""
    masks = [edit.get("mask") for edit in edits_of(about) if isinstance(edit, dict)]
    names = [str(mask.get("name"))[:_SHOWN] for mask in masks if isinstance(mask, dict)]
    return list(dict.fromkeys("".join(letter for letter in name if letter.isprintable()) for name in names))


def masked_note(region: str) -> str:
    """What a user should know of the code of an edit that was confined to a region."""
    return (
        f"The image of the edit shows it inside the mask {region} alone. Its record contains the code of the whole "
        "edit, because a code has no mask: whatever is made of that record is edited everywhere."
    )


def array_bytes(*tensors: torch.Tensor | None) -> list[bytes]:
    """The numbers of each tensor that is there."""
    return [tensor.detach().cpu().contiguous().numpy().tobytes() for tensor in tensors if tensor is not None]


def _shape(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else str(shape)
