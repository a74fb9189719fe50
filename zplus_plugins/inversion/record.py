"""An inverted picture's codes in a file: NumPy's ``.npz``, read without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import torch

from zplus_plugins.errors import RecordError
from zplus_plugins.generators import weights_hash
from zplus_plugins.generators.network.layers import Noise
from zplus_plugins.hypersphere.geometry import default_radius, sphere_error
from zplus_plugins.inversion import SPACES, Model, Point
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.schema import MAPPING, SHA256, WHOLE, Axes, Field, Schema, one_of, require_json

FORMAT = 1
SCHEMA = Schema(
    FORMAT,
    arrays={"code": Axes("(1, layers or 1, dim)", (3,)), "f": Axes("(1, channels, r, r)", (4,), needed=False)},
    fields={
        "space": Field(one_of(*SPACES)),
        "generator": Field(SHA256),
        "f_resolution": Field(WHOLE),
        "noise": Field(one_of(*get_args(Noise))),
        "about": Field(MAPPING, {}),
    },
)
_OFF_SPHERE = 1e-3  # of the radius


@dataclass(frozen=True)
class PointRecord:
    """Codes of one picture, and whose they are.

    Attributes:
        point: the codes, of a batch of 1.
        generator: :func:`~zplus_plugins.generators.weights_hash` of the generator.
        f_resolution, noise: of the :class:`Model`.
        about: how they were found: plain numbers and strings.
    """

    point: Point
    generator: str
    f_resolution: int
    noise: Noise
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, point: Point, about: Mapping[str, Any]) -> PointRecord:
        """The record of a point of a model.

        Raises:
            RecordError: the point is of more than one picture, or contains NaN or inf.
        """
        record = cls(point, weights_hash(model.generator), model.f_resolution, model.noise, about)
        record._check()
        return record

    def require(self, model: Model) -> Point:
        """The point, where the model is.

        Raises:
            RecordError: it is of another generator or of another shape.
        """
        found = weights_hash(model.generator)
        if self.generator != found:
            raise RecordError(
                f"The record is of the generator {self.generator[:16]}; this one is {found[:16]}. Give the one of the "
                "inversion with --generator FILE."
            )
        space = self.point.space
        expected = {"code": (1, *model.code_shape(space)), "f": (1, *model.f_shape) if space.with_f else None}
        for name, want in expected.items():
            tensor = getattr(self.point, name)
            have = None if tensor is None else tuple(tensor.shape)
            if have != want:
                raise RecordError(f"The record's {name} has the shape {_shape(have)}; expected {_shape(want)}.")
        f = None if self.point.f is None else self.point.f.to(model.generator.const)
        return Point(self.point.space, self.point.code.to(model.generator.const), f)

    def save(self, path: Path | str) -> None:
        """Write the record.

        Raises:
            OSError: it cannot be written.
        """
        about = {
            "space": self.point.space.name,
            "generator": self.generator,
            "f_resolution": self.f_resolution,
            "noise": self.noise,
            "about": dict(self.about),
        }
        tensors = {"code": self.point.code} if self.point.f is None else {"code": self.point.code, "f": self.point.f}
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
        Path(path).write_bytes(SCHEMA.as_bytes(arrays, about))

    @classmethod
    def load(cls, path: Path | str) -> PointRecord:
        """Read a record.

        Raises:
            RecordError: there is no such file, it is no record or damaged, a field is not what it should be, or its
                codes are not finite or not on the hypersphere on which they should be.
        """
        path = Path(path)
        try:
            arrays, about = SCHEMA.read(path)
        except FileNotFoundError:
            raise RecordError(f"There is no record {path} (looked in {Path.cwd()}).") from None
        except OSError as error:
            raise RecordError(f"The record {path} cannot be read: {error.strerror or error}.") from None
        except ContentError as error:
            raise RecordError(
                f"{path} cannot be read as the record of an inversion: {error}. Give NAME.zplus.npz as zplus invert "
                "has written it, or invert the picture again."
            ) from None
        point = Point(SPACES[about.pop("space")], **{name: torch.from_numpy(array) for name, array in arrays.items()})
        record = cls(point, **about)
        try:
            record._check()
        except RecordError as error:
            raise RecordError(f"{path}: {error}") from None
        return record

    def _check(self) -> None:
        try:
            require_json(self.about)
        except ContentError as error:
            raise RecordError(f"How the codes were found cannot be recorded: {error}.") from None
        for name, tensor in (("code", self.point.code), ("f", self.point.f)):
            if tensor is not None and not bool(torch.isfinite(tensor).all()):
                raise RecordError(f"The {name} contains NaN or inf. Invert the picture again.")
        if len(self.point) != 1:
            raise RecordError(f"There are codes of {len(self.point)} pictures; expected 1.")
        code = self.point.code
        off = float(sphere_error(code)) if self.point.space.kind == "z" else 0.0
        if off > _OFF_SPHERE * default_radius(code.shape[-1]):
            raise RecordError("The codes are not on the hypersphere. Invert the picture again.")


def _shape(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else str(shape)
