"""The format of records, which ``zplus run`` writes beside a script's code, and ``zplus invert`` for an image.

Both contain codes of images in a latent space. A checksum ties a record to what it belongs to: for a script's code, to
the w in the file beside it (``w_sha256``); for our own inverter, to the weights of its generator (``generator``). The
file is NumPy's ``.npz``, readable without this package and without torch or pickle:

* ``code`` (B, L or 1, D), ``f`` (1, C, H, W) if there is a feature map F, and for a script's code ``w`` (B, L, D),
  which shows whether a generator is the one of the inversion;
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
        "code": Axes("(B, L or 1, D)", (3,)),
        "f": Axes("(1, channels, r, r)", (4,), needed=False),
        "w": Axes("(B, L, D)", (3,), needed=False),
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
    """The content of a record's file; fields that the file lacks are None.

    Attributes:
        code: shape (B, L or 1, D).
        space: name of the latent space of the codes.
        truncation: truncation of the style codes before they are synthesised.
        f: feature map F, shape (1, C, H, W).
        w: a script's style codes as it has saved them, shape (B, L, D).
        radius: radius of the hypersphere.
        w_sha256: :func:`~zplus_plugins.records.inversion.hash_code` of w.
        generator: hash of the generator's weights.
        f_resolution, noise: resolution of F and kind of noise, in our own inverter.
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
        """Whether it belongs to a script's code; otherwise it is from our own inverter."""
        return self.w_sha256 is not None or self.provenance is not None

    def as_bytes(self) -> bytes:
        """The content of the file."""
        content = {name: value for name, value in vars(self).items() if value is not None}
        arrays = {name: content.pop(name) for name in SCHEMA.arrays if name in content}
        return SCHEMA.as_bytes(arrays, {**content, "truncation": asdict(self.truncation)})

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read a record in this format or an earlier one.

        Raises:
            ContentError: the file is of another kind or damaged, or an array or field in it is invalid.
            OSError: it cannot be opened or read.
        """
        arrays, fields = former.upgraded(*read_any(path, (SCHEMA, *former.SCHEMAS)))
        values: dict[str, Any] = {**arrays, **fields, "truncation": Truncation(**fields["truncation"])}
        record = cls(**values)
        required(fields, SCHEMA.fields, _SCRIPTS if record.of_a_script else _OURS)
        return record
