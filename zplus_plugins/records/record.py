"""The one format of records: what ``zplus run`` writes beside a script's code, and ``zplus invert`` of a picture.

Both are codes of pictures in a latent space. A record is bound to what it belongs to by a checksum: a script's to the w
in the file beside it (``w_sha256``), our own to the weights of its generator (``generator``). It is NumPy's ``.npz``,
readable without this package and without torch or pickle:

* ``code`` (N, layers or 1, dim), ``f`` (1, channels, r, r) where there is one, and of a script's code ``w`` (N, num_ws,
  w_dim), by which another reader of the generator can tell whether it is the one of the inversion;
* ``about``, a JSON text.

Format 1 was two formats, of which :mod:`zplus_plugins.records.former` still reads both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.records import former
from zplus_plugins.records.arrays import Array
from zplus_plugins.records.schema import (
    MAPPING,
    NUMBER,
    POSITIVE,
    SHA256,
    WHOLE,
    Axes,
    Field,
    Schema,
    one_of,
    read_any,
    required,
)
from zplus_plugins.records.terms import NOISES, PROVENANCE, SPACES

FORMAT = 2
SCHEMA = Schema(
    FORMAT,
    arrays={
        "code": Axes("(N, layers or 1, dim)", (3,)),
        "f": Axes("(1, channels, r, r)", (4,), needed=False),
        "w": Axes("(N, layers, dim)", (3,), needed=False),
    },
    fields={
        "space": Field(one_of(*SPACES)),
        "radius": Field(POSITIVE, None),
        "truncation": Field({"psi": Field(NUMBER), "cutoff": Field(WHOLE.or_none(), None)}),
        "w_sha256": Field(SHA256, None),
        "generator": Field(SHA256, None),
        "f_resolution": Field(WHOLE, None),
        "noise": Field(one_of(*NOISES), None),
        "provenance": Field(PROVENANCE, None),
        "about": Field(MAPPING, {}),
    },
)
_SCRIPTS = ("radius", "w_sha256", "provenance")
_OURS = ("generator", "f_resolution", "noise")


@dataclass(frozen=True)
class Record:
    """What a record's file holds; None where it does not.

    Attributes:
        code: shape (N, layers or 1, dim).
        space: by its name, in which the codes lie.
        truncation: between the codes' style codes and the picture.
        f: feature map (1, channels, r, r).
        w: style codes (N, num_ws, w_dim) of a script, as it has saved them.
        radius: of the hypersphere.
        w_sha256: :func:`~zplus_plugins.records.inversion.hash_code` of w.
        generator: hash of the generator's weights.
        f_resolution, noise: of our own inverter.
        provenance: how a script found the codes.
        about: how our own inverter found them.
    """

    code: Array
    space: str
    truncation: Truncation = field(default_factory=Truncation)
    f: Array | None = None
    w: Array | None = None
    radius: float | None = None
    w_sha256: str | None = None
    generator: str | None = None
    f_resolution: int | None = None
    noise: str | None = None
    provenance: Mapping[str, Any] | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of_a_script(self) -> bool:
        """Whether it lies beside a script's code; else it is one of our own inverter."""
        return self.w_sha256 is not None or self.provenance is not None

    def as_bytes(self) -> bytes:
        """The file."""
        content = {name: value for name, value in vars(self).items() if value is not None}
        arrays = {name: content.pop(name) for name in SCHEMA.arrays if name in content}
        return SCHEMA.as_bytes(arrays, {**content, "truncation": asdict(self.truncation)})

    @classmethod
    def read(cls, path: Path) -> Record:
        """A record of this format or of a former one.

        Raises:
            ContentError: the file is of another kind or damaged, or something in it is not what it should be.
            OSError: it cannot be opened or read.
        """
        arrays, fields = former.upgraded(*read_any(path, (SCHEMA, *former.SCHEMAS)))
        values: dict[str, Any] = {**arrays, **fields, "truncation": Truncation(**fields["truncation"])}
        record = cls(**values)
        required(fields, SCHEMA.fields, _SCRIPTS if record.of_a_script else _OURS)
        return record
