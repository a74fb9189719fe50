"""An inverted picture's codes in a file: NumPy's ``.npz``, read without pickle."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from zplus_plugins.directions.typed import require_types
from zplus_plugins.errors import RecordError
from zplus_plugins.generators import weights_hash
from zplus_plugins.generators.layers import Noise
from zplus_plugins.inversion import SPACES, Model, Point
from zplus_plugins.sphere import default_radius, sphere_error

FORMAT = 1
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

    def save(self, path: Path) -> None:
        """Write the record, into a :func:`~zplus_plugins.outputs.whole_folder` for it to be whole or not there.

        Raises:
            OSError: it cannot be written.
        """
        about = {
            "format": FORMAT,
            "space": self.point.space.name,
            "generator": self.generator,
            "f_resolution": self.f_resolution,
            "noise": self.noise,
            "about": dict(self.about),
        }
        arrays = {"code": self.point.code} if self.point.f is None else {"code": self.point.code, "f": self.point.f}
        content: dict[str, Any] = {name: tensor.detach().cpu().numpy() for name, tensor in arrays.items()}
        buffer = io.BytesIO()
        np.savez(buffer, about=np.array(json.dumps(about)), **content)
        path.write_bytes(buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> PointRecord:
        """Read a record.

        Raises:
            RecordError: there is no such file, it is no record or damaged, or its codes are not finite or not on the
                hypersphere on which they should be.
        """
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
                arrays = {name: torch.from_numpy(content[name]) for name in content.files if name != "about"}
                about = json.loads(str(content["about"]))
            if about.pop("format") != FORMAT or about.get("noise") not in get_args(Noise):
                raise ValueError(f"it is no record of format {FORMAT}")
            require_types(about, generator=str, f_resolution=int, about=dict)
            point = Point(SPACES[about.pop("space")], **arrays)
            record = cls(point, **about)
            record._check()
        except FileNotFoundError:
            raise RecordError(f"There is no record {path} (looked in {Path.cwd()}).") from None
        except RecordError as error:
            raise RecordError(f"{path}: {error}") from None
        except Exception as error:
            raise RecordError(
                f"{path} cannot be read as the record of an inversion ({error}). Invert the picture again with zplus "
                "invert."
            ) from None
        return record

    def _check(self) -> None:
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
