"""The record beside a saved code: whole, plain, and only ever for that code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from zplus_plugins import InversionRecord, SphericalLatent, Truncation
from zplus_plugins.errors import RecordError
from zplus_plugins.records.inversion import Provenance, hash_code, record_path

W = np.arange(24, dtype=np.float32).reshape(1, 3, 8)


def record(z: np.ndarray | None = None) -> InversionRecord:
    latent = SphericalLatent.random(1, 3, 8, generator=torch.Generator().manual_seed(0))
    return InversionRecord(
        z=latent.detach().numpy() if z is None else z,
        radius=latent.radius,
        truncation=Truncation(0.7, 8),
        w_sha256=hash_code(W),
        provenance=Provenance("zplus", False, "random", "step", 1, 300, "bdinvert", "0.1.0", "8bbd373", "known"),
    )


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    path = record_path(tmp_path / "portrait.npy")
    assert path.name == "portrait.zplus.npz"
    record().save(path)
    loaded = InversionRecord.load(path)
    assert np.array_equal(loaded.z, record().z)
    assert replace(loaded, z=W) == replace(record(), z=W)
    loaded.require_code(W, tmp_path / "portrait.npy")
    assert loaded.latent("cpu", "crop0").sphere_error() <= 1e-5


def test_is_readable_with_numpy_alone_and_reproducible(tmp_path: Path) -> None:
    record().save(tmp_path / "a.npz")
    record().save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as content:
        assert content["code"].shape == (1, 3, 8)
        about = json.loads(str(content["about"]))
    assert about["format"] == 2
    assert about["truncation"] == {"psi": 0.7, "cutoff": 8}
    assert about["provenance"]["upstream_commit"] == "8bbd373"


@pytest.mark.parametrize("change", [W + 1, W[:, :2], W.astype(np.float64)])
def test_a_code_that_was_replaced_is_refused(change: np.ndarray) -> None:
    with pytest.raises(RecordError, match=r"does not belong to portrait\.npy"):
        record().require_code(change, Path("portrait.npy"))


def test_unreadable_records(tmp_path: Path) -> None:
    path = tmp_path / "portrait.zplus.npz"
    with pytest.raises(RecordError, match=r"no Z\+ record .*portrait.zplus.npz"):
        InversionRecord.load(path)
    record().save(path)
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"not an archive"):
        path.write_bytes(content)
        with pytest.raises(RecordError, match="cannot be read"):
            InversionRecord.load(path)
    about = json.dumps({"format": 99})
    np.savez(path, z=W, about=np.array(about))
    with pytest.raises(RecordError, match="has format 99; this version of zplus-plugins reads format 1 or 2"):
        InversionRecord.load(path)


def test_a_code_off_the_hypersphere_is_refused() -> None:
    with pytest.raises(RecordError, match=r"layer 0.*--retract step"):
        record(record().z * np.float32(1.01)).latent("cpu", "crop0")
