"""One editing direction, in W and in Z, and its file: a NumPy ``.npz``, read without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from zplus_plugins.errors import DirectionError
from zplus_plugins.generators import StyleGenerator, weights_hash
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.directions import require_direction
from zplus_plugins.records.names import name_problem
from zplus_plugins.records.schema import MAPPING, SHA256, TEXT, Axes, Field, Schema, one_of, require_json
from zplus_plugins.system.files import write_whole

FORMAT = 1
Method = Literal["ganspace", "sefa", "interfacegan", "chase", "given"]
_VECTOR = Axes("(dim,) or (layers, dim)", (1, 2))
SCHEMA = Schema(
    FORMAT,
    arrays={"w": _VECTOR, "z": _VECTOR},
    fields={
        "name": Field(TEXT),
        "method": Field(one_of(*get_args(Method))),
        "generator": Field(SHA256),
        "attribute": Field(TEXT.or_none(), None),
        "about": Field(MAPPING, {}),
    },
)
_SHOWN = 60  # characters of an invalid name


@dataclass(frozen=True, eq=False)  # tensors have no truth value; by identity, it can be a key
class Direction:
    """A direction of one generator, of unit strength; :meth:`Model.moved` moves codes along it.

    Unit strength is one standard deviation of random style codes along w, unless w was given by the user. In Z it is
    the arc that takes codes equally far along w, on average and to first order.

    Attributes:
        name: its name in tables, and the name of its file.
        method: the method that found it.
        generator: :func:`~zplus_plugins.generators.weights_hash` of the generator.
        w: in W, shape (w_dim,), or in W+, (L, w_dim).
        z: in Z, shape (z_dim,), or in Z+, (L, z_dim); codes follow its part that is tangent to the hypersphere.
        attribute: the attribute that it changes, as named by the scores; None if it was found without scores.
        about: how it was found: plain numbers and strings.

    Raises:
        DirectionError: a vector is zero or not finite, the shapes do not match, the name is not a valid file name, or
            ``about`` is not valid JSON.
    """

    name: str
    method: Method
    generator: str
    w: Tensor
    z: Tensor
    attribute: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_name(self.name)
        try:
            require_json(self.about)
        except ContentError as error:
            raise DirectionError(f"How the direction {self.name} was found cannot be stored: {error}.") from None
        for space, vector in (("W", self.w), ("Z", self.z)):
            if vector.ndim not in (1, 2) or not vector.is_floating_point():
                raise DirectionError(
                    f"The direction {self.name} in {space} has shape {tuple(vector.shape)}; expected (D,) or (L, D) "
                    "of real numbers."
                )
            require_direction(vector, f"The direction {self.name} in {space}")
        if self.w.ndim != self.z.ndim or (self.w.ndim == 2 and len(self.w) != len(self.z)):
            raise DirectionError(
                f"The direction {self.name} has shapes {tuple(self.w.shape)} in W and {tuple(self.z.shape)} in Z; "
                "expected the same number of layers in both."
            )

    def in_layers(self, first: int, last: int, layers: int) -> Direction:
        """The part of the direction in some layers; the others stay.

        Args:
            first: of the layers that move, from 0.
            last: of the layers that move, which includes it.
            layers: how many the generator has.

        Raises:
            DirectionError: there are no such layers, or the direction moves none of them.
        """
        if not 0 <= first <= last < layers:
            raise DirectionError(f"There are no layers {first}-{last}; expected some of 0-{layers - 1}.")
        inside = torch.zeros(layers, 1)
        inside[first : last + 1] = 1
        name = f"{self.name}.layers{first}-{last}"
        about = {**self.about, "layers": [first, last]}
        return replace(self, name=name, w=self.w * inside, z=self.z * inside, about=about)

    def require(self, generator: StyleGenerator) -> None:
        """Require that the direction belongs to this generator.

        Raises:
            DirectionError: it belongs to another one.
        """
        found = weights_hash(generator)
        if self.generator != found:
            raise DirectionError(
                f"The direction {self.name} belongs to the generator {self.generator[:16]}; this one is {found[:16]}. "
                "Find directions for it: zplus directions --generator FILE --out DIR."
            )
        a, layers = generator.architecture, generator.num_layers
        if (
            self.w.shape[-1:] != (a.w_dim,)
            or self.z.shape[-1:] != (a.z_dim,)
            or self.w.shape[:-1] not in ((), (layers,))
        ):
            raise DirectionError(
                f"The direction {self.name} has shapes {tuple(self.w.shape)} and {tuple(self.z.shape)}; this generator "
                f"has {layers} codes of dimension {a.w_dim} in W and {a.z_dim} in Z."
            )

    def save(self, path: Path | str) -> None:
        """Write the direction to a file, whole or not at all.

        Raises:
            RequirementError: it cannot be written.
        """
        about = {
            "name": self.name,
            "method": self.method,
            "generator": self.generator,
            "attribute": self.attribute,
            "about": dict(self.about),
        }
        arrays = {"w": self.w.detach().float().cpu().numpy(), "z": self.z.detach().float().cpu().numpy()}
        write_whole(Path(path), SCHEMA.as_bytes(arrays, about))

    @classmethod
    def load(cls, path: Path | str, generator: StyleGenerator | None = None) -> Direction:
        """Read a direction.

        Args:
            path: the file.
            generator: the generator to which it must belong; None for any.

        Raises:
            DirectionError: the file does not exist, is damaged or not a direction, a field is invalid, a value is not
                finite, or it belongs to another generator.
        """
        path = Path(path)
        try:
            arrays, about = SCHEMA.read(path)
        except FileNotFoundError:
            raise DirectionError(f"There is no direction {path} (looked in {Path.cwd()}).") from None
        except OSError as error:
            raise DirectionError(f"The direction {path} cannot be read: {error.strerror or error}.") from None
        except ContentError as error:
            raise DirectionError(
                f"{path} cannot be read as a direction: {error}. Give a NAME.zplus.npz written by zplus directions, "
                "or find it again."
            ) from None
        try:
            direction = cls(w=torch.from_numpy(arrays["w"]), z=torch.from_numpy(arrays["z"]), **about)
            if generator is not None:
                direction.require(generator)
        except DirectionError as error:
            raise DirectionError(f"{path}: {error}") from None
        return direction


def require_name(name: str) -> None:
    """Require, before a direction is computed, that its name is a valid file name.

    Raises:
        DirectionError: it is not.
    """
    problem = name_problem(name)
    if problem is not None:
        raise DirectionError(
            f"{name!r:.{_SHOWN}} is not a valid name for a direction: it {problem}. The name is used for a file; "
            "choose a short one of letters, digits, dots and dashes."
        )
