"""One editing direction, in W and in Z, and its file: NumPy's ``.npz``, read without pickle."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from zplus_plugins.directions.typed import require_types
from zplus_plugins.errors import DirectionError
from zplus_plugins.files import write_whole
from zplus_plugins.generators import Generator, weights_hash

FORMAT = 1
Method = Literal["ganspace", "sefa", "interfacegan", "chase"]


@dataclass(frozen=True)
class Direction:
    """A direction of one generator, of unit strength; :meth:`Model.moved` follows it.

    Unit strength is one standard deviation of random style codes along w, unless w was given by somebody. In Z it is
    the arc after which codes have come, on average and to first order, as far along w.

    Attributes:
        name: in tables and of the file.
        method: by which it was found.
        generator: :func:`~zplus_plugins.generators.weights_hash` of the generator.
        w: in W, shape (w_dim,), or in W+, (N, w_dim).
        z: in Z, shape (z_dim,), or in Z+, (N, z_dim); at a code, its part
            that is tangent to the hypersphere is followed.
        attribute: that it is to change, by the name that the scores have; None if it was found without any.
        about: how it was found: plain numbers and strings.

    Raises:
        DirectionError: a value is not finite, or there is no direction, the shapes do not fit each other, or the name
            does not do for a file.
    """

    name: str
    method: Method
    generator: str
    w: Tensor
    z: Tensor
    attribute: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or Path(self.name).name != self.name:
            raise DirectionError(f"{self.name!r} is no name for a direction; it must do for a file.")
        for space, vector in (("W", self.w), ("Z", self.z)):
            if vector.ndim not in (1, 2) or not vector.is_floating_point():
                raise DirectionError(
                    f"The direction {self.name} in {space} has the shape {tuple(vector.shape)}; expected (dim,) or "
                    "(layers, dim) of real numbers."
                )
            if not bool(torch.isfinite(vector).all()) or not bool(vector.any()):
                raise DirectionError(f"The direction {self.name} in {space} is zero, or contains NaN or inf.")
        if self.w.ndim != self.z.ndim or (self.w.ndim == 2 and len(self.w) != len(self.z)):
            raise DirectionError(
                f"The direction {self.name} has the shapes {tuple(self.w.shape)} in W and {tuple(self.z.shape)} in Z; "
                "expected as many layers in both."
            )

    def require(self, generator: Generator) -> None:
        """See to it that the direction is of this generator.

        Raises:
            DirectionError: it is of another one.
        """
        found = weights_hash(generator)
        if self.generator != found:
            raise DirectionError(
                f"The direction {self.name} is of the generator {self.generator[:16]}; this one is {found[:16]}. Find "
                "directions for it: zplus directions --generator FILE --out DIR."
            )
        a, layers = generator.architecture, generator.num_layers
        if (
            self.w.shape[-1:] != (a.w_dim,)
            or self.z.shape[-1:] != (a.z_dim,)
            or self.w.shape[:-1] not in ((), (layers,))
        ):
            raise DirectionError(
                f"The direction {self.name} has the shapes {tuple(self.w.shape)} and {tuple(self.z.shape)}; this "
                f"generator has {layers} codes of {a.w_dim} components in W and {a.z_dim} in Z."
            )

    def save(self, path: Path | str) -> None:
        """Write the direction, whole or not at all.

        Raises:
            RequirementError: it cannot be written.
        """
        about = {
            "format": FORMAT,
            "name": self.name,
            "method": self.method,
            "generator": self.generator,
            "attribute": self.attribute,
            "about": dict(self.about),
        }
        buffer = io.BytesIO()
        w, z = (vector.detach().float().cpu().numpy() for vector in (self.w, self.z))
        np.savez(buffer, w=w, z=z, about=np.array(json.dumps(about)))
        write_whole(Path(path), buffer.getvalue())

    @classmethod
    def load(cls, path: Path | str, generator: Generator | None = None) -> Direction:
        """Read a direction.

        Args:
            path: of the file.
            generator: that it must belong to; None for any.

        Raises:
            DirectionError: there is no such file, it is no direction or damaged, holds NaN, or belongs to another
                generator.
        """
        path = Path(path)
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
                w, z, about = (content[name] for name in ("w", "z", "about"))
            about = json.loads(str(about))
            if about.pop("format") != FORMAT or about["method"] not in get_args(Method):
                raise ValueError(f"it is not of format {FORMAT}")
            require_types(about, name=str, generator=str, attribute=(str, type(None)), about=dict)
            read = {"w": torch.from_numpy(w), "z": torch.from_numpy(z), **about}
            direction = cls(**read)
        except FileNotFoundError:
            raise DirectionError(f"There is no direction {path} (looked in {Path.cwd()}).") from None
        except DirectionError as error:
            raise DirectionError(f"{path}: {error}") from None
        except Exception as error:
            raise DirectionError(f"{path} cannot be read as a direction ({error}). Find it again.") from None
        if generator is not None:
            direction.require(generator)
        return direction
