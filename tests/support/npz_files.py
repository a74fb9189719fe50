"""Files of arrays as a hostile or broken writer makes them, written byte by byte."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from zplus_plugins import InversionRecord, SphericalLatent, Truncation
from zplus_plugins.directions import Direction
from zplus_plugins.inversion import SPACES, Point
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.records.inversion import Provenance, hash_code

HASH = "0123456789abcdef" * 4
W = np.arange(30, dtype=np.float32).reshape(1, 3, 10)


def npy(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """An array's file with any text for its header."""
    text = header.encode("latin-1") + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def header(descr: object = "<f4", shape: object = (2, 3), fortran: object = False) -> str:
    """The text that NumPy writes before an array."""
    return f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def zipped(path: Path, members: Iterable[tuple[str, bytes]], packing: int = zipfile.ZIP_STORED) -> None:
    """An archive of members, whose names may come twice."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", packing) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(name, content)


def saved(array: np.ndarray) -> bytes:
    """The file of an array."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def restated(path: Path, said: dict[str, Any], drop: tuple[str, ...] = (), **arrays: np.ndarray) -> None:
    """Change what a record says of itself; ``a.b`` is the field b of a. ``arrays`` come in place of its own."""
    with np.load(path) as file:
        content = {**file, **arrays}
    about = json.loads(str(content["about"]))
    for name, value in [*said.items(), *((name, None) for name in drop)]:
        place = about
        *outer, last = name.split(".")
        for part in outer:
            place = place[part]
        if name in drop:
            del place[last]
        else:
            place[last] = value
    np.savez(path, **{**content, "about": np.array(json.dumps(about))})


def retold(path: Path, text: str) -> None:
    """Replace a record's ``about`` by any text."""
    with np.load(path) as file:
        np.savez(path, **{**file, "about": np.array(text)})


def code_record() -> InversionRecord:
    """A record as ``zplus run`` writes it beside a code."""
    latent = SphericalLatent.random(1, 3, 8)
    provenance = Provenance("zplus", False, "random", "step", 1, 300, "bdinvert", "0.1.0", None, "known")
    return InversionRecord(latent.detach().numpy(), latent.radius, Truncation(0.7, 8), hash_code(W), provenance, W)


def point_record() -> PointRecord:
    """A record as ``zplus invert`` writes it."""
    point = Point(SPACES["zplus"], SphericalLatent.random(1, 3, 8).detach())
    return PointRecord(point, HASH, 4, "const", {"loss": 0.5})


def former_code(path: Path, z: np.ndarray, w: np.ndarray, **changes: Any) -> None:
    """Write what ``zplus run`` wrote beside a code w in format 1, with z (B, L or 1, D)."""
    provenance = {
        "latent": "zplus" if z.shape[1] > 1 else "z",
        "without_f": False,
        "init": "random",
        "retract": "step",
        "seed": 1,
        "steps": 300,
        "adapter": "bdinvert",
        "package": "0.1.0",
        "upstream_commit": None,
        "fingerprint": "known",
    }
    about = {
        "radius": z.shape[-1] ** 0.5,
        "truncation": {"psi": 1.0, "cutoff": None},
        "w_sha256": hash_code(w),
        "provenance": provenance,
        "format": 1,
    }
    np.savez(path, z=z, about=np.array(json.dumps(about | changes)))


def former_point(path: Path, code: np.ndarray, f: np.ndarray | None = None, **changes: Any) -> None:
    """Write what ``zplus invert`` wrote in format 1, with a code (1, L or 1, D)."""
    about = {
        "space": "zplus" if f is None else "f/zplus",
        "generator": HASH,
        "f_resolution": 4,
        "noise": "const",
        "about": {"loss": 0.5},
        "format": 1,
    }
    arrays = {"code": code} if f is None else {"code": code, "f": f}
    np.savez(path, **arrays, about=np.array(json.dumps(about | changes)))


def direction(name: str = "smile") -> Direction:
    """A direction as ``zplus directions`` writes it."""
    codes = SphericalLatent.random(2, 8).detach()
    return Direction(name, "sefa", HASH, codes[0], codes[1])
