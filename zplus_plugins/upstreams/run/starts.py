"""The starting points of a run's inversions."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from zplus_plugins.errors import LatentError, RequirementError, UsageError
from zplus_plugins.hypersphere.latent import SphericalLatent
from zplus_plugins.hypersphere.mapping import StyleMapping
from zplus_plugins.hypersphere.starts import STARTS
from zplus_plugins.records.arrays import Array, ContentError, read_npy, shown
from zplus_plugins.records.inversion import SUFFIX, hash_code
from zplus_plugins.records.record import Record

_SPACES = {"z": "Z", "zplus": "Z+"}
_EXPECTED = "a code on the hypersphere, of shape (layers, z_dim) in Z+ or (1, z_dim) in Z"


class Starts:
    """The starting points of one run. All images share the same seed, so no result depends on the other images.

    Args:
        init: a name in :data:`STARTS`, or the path of a file with a code, at which every image then starts: a ``.npy``
            file of shape (L, z_dim), (1, L, z_dim) in Z+ or (1, z_dim), (1, 1, z_dim) in Z, or a record.
        latent: ``off``, ``z`` or ``zplus``.
        inverts: whether the run replaces the style code of an inversion; otherwise a file could not take effect.

    Attributes:
        name: for records and summaries: the name, or ``file`` and the first digits of the code's hash.

    Raises:
        UsageError: a file is given to a run that does not invert in Z or Z+.
        RequirementError: the file is missing or damaged, or its code is none of the latent space.
        LatentError: its code is not on the hypersphere.
    """

    def __init__(self, init: str, latent: str, *, inverts: bool) -> None:
        self._path = None if init in STARTS else Path(init)
        self._latent = latent
        self._known: dict[tuple[int, str], SphericalLatent] = {}
        self.name = init
        if self._path is None:
            return
        if not inverts:
            raise UsageError(f"--init {init} has no effect on a script that does not invert in Z or Z+: leave it out.")
        self._given = _read(self._path, latent)
        self.name = f"file {hash_code(self._given.detach().numpy())[:16]}"

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of the start, if one was given."""
        return () if self._path is None else (self._path,)

    def require_fit(self, mapping: StyleMapping) -> None:
        """Require that a start from a file is one of this generator's codes.

        Raises:
            RequirementError: it is not.
        """
        codes = mapping.num_ws if self._latent == "zplus" else 1
        if self._path is not None and self._given.shape != (1, codes, mapping.z_dim):
            raise RequirementError(
                f"--init {self._path}: the code in it has the shape {tuple(self._given.shape[1:])}; this generator "
                f"starts at codes of {(codes, mapping.z_dim)}. Give the start of an inversion with this generator."
            )

    def at(self, mapping: StyleMapping, codes: int, seed: int, leaf: Tensor) -> SphericalLatent:
        """The start for a leaf, shape (1, codes, D). An estimate that occurs again is projected only once."""
        if self._path is not None:
            return self._given.to(*mapping.device_and_dtype())
        own = hash_code(leaf.detach().cpu().numpy()) if self.name == "project" else ""
        if (codes, own) not in self._known:
            self._known[codes, own] = STARTS[self.name](mapping, codes, seed, leaf)
        return self._known[codes, own]


def _read(path: Path, latent: str) -> SphericalLatent:
    """The code in a file, shape (1, codes, z_dim), float32."""
    try:
        code, radius = _code(path)
    except ContentError as error:
        raise RequirementError(f"--init {path}: {error}. Give a .npy file or a record with {_EXPECTED}.") from None
    except OSError as error:
        raise RequirementError(f"--init {path} cannot be read: {error.strerror or error}.") from None
    of_latent = code.ndim == 3 and len(code) == 1 and (latent == "zplus" or code.shape[1] == 1)
    if code.dtype.kind != "f" or not of_latent:
        raise RequirementError(
            f"--init {path}: it contains {shown(code)}; expected, for --latent {latent}, one code in "
            f"{_SPACES[latent]}: {_EXPECTED}."
        )
    try:
        return SphericalLatent(torch.from_numpy(code.astype("float32")), radius=radius)
    except LatentError as error:
        raise LatentError(f"--init {path}: {error}") from None


def _code(path: Path) -> tuple[Array, float | None]:
    """The array (B, codes, z_dim) in a file, as it is there but for the first axis, and its hypersphere's radius."""
    if path.suffix != Path(SUFFIX).suffix:
        found = read_npy(path)
        return (found[None] if found.ndim == 2 else found), None
    record = Record.read(path)
    if record.space not in _SPACES:
        raise ContentError(f"it is the record of codes in the space {record.space!r}")
    return record.code, record.radius
