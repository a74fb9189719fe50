"""The Z+ record beside each W+ code that an upstream saves in a run in Z or Z+.

The upstream's file is still a plain w, so every unpatched script can read it. The record adds z and its
provenance, and the hash of that w; if the record does not belong to the file beside it, that is an error. The
format is NumPy's ``.npz``, readable without this package and without torch or pickle; see
:mod:`zplus_plugins.records.record`. ``zplus edit`` reads the same records.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zplus_plugins.errors import LatentError, RecordError
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.records.arrays import ContentError, read_npy
from zplus_plugins.records.record import Record
from zplus_plugins.system.files import write_whole

SUFFIX = ".zplus.npz"
_LATENTS = ("z", "zplus")
# Relative distance that a record's map(z) may have from the saved w: other devices and thread counts
# round differently; with another checkpoint or truncation, the distance is orders of magnitude larger.
_SAME_CODE = 1e-2


@dataclass(frozen=True)
class Provenance:
    """How a code was found.

    Attributes:
        latent: ``z`` or ``zplus``.
        without_f: whether the feature map F was left out.
        init, retract, seed: the options of the run.
        steps: number of optimizer steps.
        adapter, package: name of the adapter, and version of this package.
        upstream_commit: HEAD of the checkout; None without a git history.
        fingerprint: ``known``, ``untested`` or ``compatible``.
        with_f: whether the script also optimised a feature map F; None in older records, which do not say.
        precision: ``bf16`` if the steps were computed in bfloat16; None for float32, and then it is not recorded.
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
    with_f: bool | None = None
    precision: str | None = None


@dataclass(frozen=True)
class InversionRecord:
    """One inverted code: z, how it maps to w, that w and its hash, and its provenance.

    Attributes:
        z: shape (B, L or 1, D).
        radius: radius of the hypersphere.
        truncation: truncation of the map to w.
        w_sha256: :func:`hash_code` of w.
        provenance: how z was found.
        w: shape (B, L, D), which shows whether a generator is the one of the inversion; None in records of format 1.
    """

    z: np.ndarray[Any, Any]
    radius: float
    truncation: Truncation
    w_sha256: str
    provenance: Provenance
    w: np.ndarray[Any, Any] | None = None

    def save(self, path: Path | str) -> None:
        """Write the record atomically.

        Raises:
            RecordError: z is not finite or does not have the shape (B, L or 1, D), so the record would be unusable.
            RequirementError: it cannot be written.
        """
        path = Path(path)
        _require_z(self.z, path)
        write_whole(path, self.as_record().as_bytes())

    def as_record(self, about: Mapping[str, Any] | None = None) -> Record:
        """The content of the record's file.

        Args:
            about: what was done to z since the script found it; None for nothing.
        """
        provenance = asdict(self.provenance)
        space = provenance.pop("latent")
        if self.provenance.precision is None:
            del provenance["precision"]
        return Record(
            self.z,
            space,
            self.truncation,
            w=self.w,
            radius=self.radius,
            w_sha256=self.w_sha256,
            provenance=provenance,
            about=about or {},
        )

    @classmethod
    def load(cls, path: Path | str) -> InversionRecord:
        """Read a record.

        Raises:
            RecordError: it is missing, unreadable, of another kind, or in a format that this version does not support,
                or a field is invalid.
        """
        path = Path(path)
        try:
            return cls.of(Record.read(path), path)
        except FileNotFoundError:
            raise RecordError(
                f"There is no Z+ record {path}. The code beside it was not inverted in Z or Z+: invert it "
                "with --latent zplus, or use it with --latent off."
            ) from None
        except OSError as error:
            raise RecordError(f"The Z+ record {path} cannot be read: {error.strerror or error}.") from None
        except ContentError as error:
            raise RecordError(
                f"The Z+ record {path} cannot be read: {error}. Invert the image again, or put the original record "
                "back beside its code."
            ) from None

    @classmethod
    def of(cls, record: Record, path: Path) -> InversionRecord:
        """Convert the record of a script's code.

        Raises:
            RecordError: the record is from our own inverter, or its z is not finite.
            ContentError: the record contradicts itself.
        """
        if not record.of_a_script:
            raise RecordError(
                f"The Z+ record {path} is of no use to a script: it is the record of an image, as written by zplus "
                f"invert, and {_why_no_script(record)}. Edit it with zplus edit, or move it away and invert the image "
                "with zplus run."
            )
        if record.space not in _LATENTS:
            raise ContentError(f"its space is {record.space!r}; expected one of {', '.join(_LATENTS)} beside a code")
        if record.w is not None and (len(record.w) != len(record.code) or hash_code(record.w) != record.w_sha256):
            raise ContentError("its w does not have the hash w_sha256: it is damaged")
        _require_z(record.code, path)
        assert record.radius is not None and record.w_sha256 is not None and record.provenance is not None
        provenance = Provenance(latent=record.space, **record.provenance)
        return cls(record.code, record.radius, record.truncation, record.w_sha256, provenance, record.w)

    def with_code_beside(self, path: Path) -> InversionRecord:
        """This record with w added, which format 1 lacks, if the ``.npy`` file beside the record's path contains it."""
        if self.w is not None:
            return self
        try:
            w = read_npy(path.with_name(f"{path.name.removesuffix(SUFFIX)}.npy"))
        except (ContentError, OSError):
            return self
        fits = w.dtype.kind == "f" and w.dtype.itemsize <= 8 and w.ndim == 3  # as required in a record
        return replace(self, w=w) if fits and hash_code(w) == self.w_sha256 else self

    def require_code(self, w: np.ndarray[Any, Any], path: Path) -> None:
        """Raise RecordError unless ``w``, read from ``path``, is the code that this record was written for."""
        found = hash_code(w)
        if found != self.w_sha256:
            raise RecordError(
                f"The Z+ record {record_path(path)} does not belong to {path}: it was written for a code "
                f"with sha256 {self.w_sha256[:12]}..., but the file has {found[:12]}.... One of them was replaced "
                "after the inversion: invert the image again, or edit with --latent off."
            )

    def rows(self, codes: Sequence[np.ndarray[Any, Any]] = ()) -> list[InversionRecord]:
        """The record of each of several codes, where one was written for a whole batch of them.

        Args:
            codes: the codes (L, D) of the file beside it, for a record of format 1, which does not hold them.
        """
        if len(self.z) == 1:
            return [self]
        w = self.w if self.w is not None else np.stack(codes) if len(codes) == len(self.z) else None
        if w is None or hash_code(w) != self.w_sha256:
            return []
        parts = [(self.z[i : i + 1], w[i : i + 1]) for i in range(len(w))]
        return [replace(self, z=z, w=code, w_sha256=hash_code(code)) for z, code in parts]

    def latent(self, device: torch.device | str, name: str) -> SphericalLatent:
        """z as a latent on a device.

        Args:
            device: the device.
            name: name of the record, for messages.

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


def require_same_code(mapped: torch.Tensor, w: torch.Tensor, name: str) -> None:
    """Require that a generator maps a recorded z to the w that was saved.

    Args:
        mapped: style codes (B, L, D) to which the generator maps the record's z, with the record's truncation.
        w: the saved style codes.
        name: name of the record, for messages.

    Raises:
        RecordError: they differ, or have different shapes.
    """
    if mapped.shape != w.shape:
        raise RecordError(
            f"The generator maps the recorded z of {name} to a code of shape {tuple(mapped.shape)}, but the saved one "
            f"has {tuple(w.shape)}. Edit with the checkpoint of the inversion."
        )
    w = w.to(mapped)
    gap = float((mapped - w).norm() / w.norm())
    if not gap <= _SAME_CODE:
        raise RecordError(
            f"The generator maps the recorded z of {name} to a code that differs from the saved one "
            f"(relative distance {gap:.2g}): it was inverted with another checkpoint. Edit with the "
            "checkpoint of the inversion."
        )


def _why_no_script(record: Record) -> str:
    """Why a script cannot use a record of our own inverter, as a clause about it."""
    if record.f is not None:
        shape = tuple(record.f.shape)
        return f"its image needs the feature map F of our own inverter, of shape {shape}, which no script can read"
    if record.space not in _LATENTS:
        return f"its codes are in the space {record.space}, which is neither Z nor Z+"
    return "it has no checksum of a script's w, so it may not belong to the code beside it"


def _require_z(z: np.ndarray[Any, Any], path: Path) -> None:
    if z.ndim != 3 or not z.size or not np.isfinite(z).all():
        found = f"is of shape {z.shape}" if z.ndim != 3 or not z.size else "contains NaN or inf"
        raise RecordError(
            f"The Z+ record {path} is unusable: its z {found}; expected finite numbers of shape (B, L or 1, D). "
            "Invert the image again."
        )


def record_path(code: Path, name: str = "") -> Path:
    """The record beside a code file: ``X.npy`` -> ``X.zplus.npz``; of one of several codes, ``X-NAME.zplus.npz``."""
    return code.with_name(f"{code.stem}-{name}{SUFFIX}") if name else code.with_suffix(SUFFIX)


def record_paths(code: Path) -> list[Path]:
    """The records beside a code file: its own, or those of the several codes in it; none if there are none."""
    own = record_path(code)
    return [own] if own.exists() else sorted(code.parent.glob(f"{glob.escape(code.stem)}-*{SUFFIX}"))


def is_record_or_absent(path: Path) -> bool:
    """Whether a record may be written to a path: nothing exists there, or only a record."""
    if not path.exists():
        return True
    try:
        InversionRecord.load(path)
    except RecordError:
        return False
    return True


def hash_code(w: np.ndarray[Any, Any]) -> str:
    """sha256 of a code's dtype, shape and values."""
    w = np.ascontiguousarray(w)
    head = f"{w.dtype.str}{w.shape}".encode()
    return hashlib.sha256(head + w.tobytes()).hexdigest()
