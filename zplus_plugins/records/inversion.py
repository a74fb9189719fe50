"""The Z+ record that lies beside every W+ code that an upstream saves.

The upstream's file stays what it was, a plain w, so every unpatched script still reads it. The
record adds z and where it comes from, and the hash of that w: a record that no longer belongs to
the file beside it is an error, never used. The format is NumPy's ``.npz``, readable without this
package and without torch or pickle: ``z`` (N, num_ws or 1, z_dim) and ``about``, a JSON text.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zplus_plugins.errors import LatentError, RecordError
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.records.arrays import ContentError
from zplus_plugins.records.schema import FLAG, NUMBER, POSITIVE, SHA256, TEXT, WHOLE, Axes, Field, Schema, one_of
from zplus_plugins.system.files import write_whole

FORMAT = 1
SCHEMA = Schema(
    FORMAT,
    arrays={"z": Axes("(N, layers or 1, dim)", (3,))},
    fields={
        "radius": Field(POSITIVE),
        "truncation": Field({"psi": Field(NUMBER), "cutoff": Field(WHOLE.or_none(), None)}),
        "w_sha256": Field(SHA256),
        "provenance": Field(
            {
                "latent": Field(one_of("z", "zplus")),
                "without_f": Field(FLAG),
                "init": Field(TEXT),
                "retract": Field(TEXT),
                "seed": Field(WHOLE),
                "steps": Field(WHOLE),
                "adapter": Field(TEXT),
                "package": Field(TEXT),
                "upstream_commit": Field(TEXT.or_none(), None),
                "fingerprint": Field(TEXT),
            }
        ),
    },
)
SUFFIX = ".zplus.npz"


@dataclass(frozen=True)
class Provenance:
    """How a code was found.

    Attributes:
        latent: ``z`` or ``zplus``.
        without_f: whether the feature map F was left out.
        init, retract, seed: the options of the run.
        steps: of the optimizer.
        adapter, package: names and versions.
        upstream_commit: HEAD of the checkout, None if it has no history.
        fingerprint: known or compatible.
    """

    latent: str
    without_f: bool
    init: str
    retract: str
    seed: int
    steps: int
    adapter: str
    package: str
    upstream_commit: str | None
    fingerprint: str


@dataclass(frozen=True)
class InversionRecord:
    """One inverted code: z, how it maps to w, the hash of that w, and its provenance."""

    z: np.ndarray[Any, Any]
    radius: float
    truncation: Truncation
    w_sha256: str
    provenance: Provenance

    def save(self, path: Path | str) -> None:
        """Write the record, whole or not at all.

        Raises:
            RecordError: z is not finite or not of shape (N, num_ws or 1, z_dim), so that it could not be used again.
            RequirementError: it cannot be written.
        """
        path = Path(path)
        about = asdict(self)
        z = about.pop("z")
        _require_z(z, path)
        write_whole(path, SCHEMA.as_bytes({"z": z}, about))

    @classmethod
    def load(cls, path: Path | str) -> InversionRecord:
        """Read a record.

        Raises:
            RecordError: missing, unreadable, of another kind, of a format that this version does not know, or with a
                field that is not what it should be.
        """
        path = Path(path)
        try:
            arrays, about = SCHEMA.read(path)
        except FileNotFoundError:
            raise RecordError(
                f"There is no Z+ record {path}. The code beside it was not inverted in Z or Z+: invert it "
                "with --latent zplus, or use it with --latent off."
            ) from None
        except OSError as error:
            raise RecordError(f"The Z+ record {path} cannot be read: {error.strerror or error}.") from None
        except ContentError as error:
            raise RecordError(
                f"The Z+ record {path} cannot be read: {error}. Invert the image again, or put the record of the "
                "inversion back beside its code."
            ) from None
        _require_z(arrays["z"], path)
        truncation, provenance = Truncation(**about.pop("truncation")), Provenance(**about.pop("provenance"))
        return cls(z=arrays["z"], truncation=truncation, provenance=provenance, **about)

    def require_code(self, w: np.ndarray[Any, Any], path: Path) -> None:
        """Raise RecordError unless ``w``, read from ``path``, is the code this record was written for."""
        found = hash_code(w)
        if found != self.w_sha256:
            raise RecordError(
                f"The Z+ record {record_path(path)} does not belong to {path}: it was written for a code "
                f"with sha256 {self.w_sha256[:12]}..., the file has {found[:12]}.... One of them was replaced "
                "after the inversion: invert the image again, or edit with --latent off."
            )

    def latent(self, device: torch.device | str, name: str) -> SphericalLatent:
        """z as a latent on a device.

        Args:
            device: to put it on.
            name: of the record, for messages.

        Raises:
            RecordError: z is off the hypersphere (it was found with ``--retract never``).
        """
        try:
            return SphericalLatent(torch.from_numpy(self.z).to(device), radius=self.radius)
        except LatentError as error:
            raise RecordError(
                f"The recorded z of {name} is not on its hypersphere: {error} Codes found with --retract "
                f"{self.provenance.retract} cannot be edited in Z+; invert the image with --retract step."
            ) from None


def _require_z(z: np.ndarray[Any, Any], path: Path) -> None:
    if z.ndim != 3 or not z.size or not np.isfinite(z).all():
        found = f"is of shape {z.shape}" if z.ndim != 3 or not z.size else "contains NaN or inf"
        raise RecordError(
            f"The Z+ record {path} is of no use: its z {found}; expected finite numbers of shape (N, layers or 1, "
            "dim). Invert the image again."
        )


def record_path(code: Path) -> Path:
    """The record beside a code file: ``X.npy`` -> ``X.zplus.npz``."""
    return code.with_suffix(SUFFIX)


def is_record_or_absent(path: Path) -> bool:
    """Whether a record may be written there: whether what is there, if anything, is one."""
    if not path.exists():
        return True
    try:
        InversionRecord.load(path)
    except RecordError:
        return False
    return True


def hash_code(w: np.ndarray[Any, Any]) -> str:
    """sha256 of a code's type, shape and values."""
    w = np.ascontiguousarray(w)
    head = f"{w.dtype.str}{w.shape}".encode()
    return hashlib.sha256(head + w.tobytes()).hexdigest()
