"""Records of format 1, which were of two formats, and what one format's records must have and mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch

from support.npz_files import HASH, W, code_record, former_code, former_point, point_record, restated
from zplus_plugins import InversionRecord, PointRecord, SphericalLatent, Truncation
from zplus_plugins.errors import RecordError
from zplus_plugins.generators.network.layers import Noise
from zplus_plugins.inversion import SPACES, Point, Settings
from zplus_plugins.records import terms
from zplus_plugins.records.inversion import Provenance, hash_code

Z = SphericalLatent.random(1, 3, 8, generator=torch.Generator().manual_seed(0)).detach().numpy()
F = np.ones((1, 4, 4, 4), np.float32)


def test_the_terms_are_those_of_the_spaces() -> None:
    assert tuple(SPACES) == terms.SPACES and get_args(Noise) == terms.NOISES


@pytest.mark.parametrize("z", [Z, Z[:, :1]], ids=["zplus", "z"])
def test_a_code_of_format_1_loads(tmp_path: Path, z: np.ndarray) -> None:
    former_code(tmp_path / "r.npz", z, W, truncation={"psi": 0.7, "cutoff": 8})
    record = InversionRecord.load(tmp_path / "r.npz")
    assert np.array_equal(record.z, z) and record.w is None and record.radius == 8**0.5
    assert record.truncation == Truncation(0.7, 8) and record.w_sha256 == hash_code(W)
    latent = "zplus" if len(z[0]) > 1 else "z"
    assert record.provenance == Provenance(latent, False, "random", "step", 1, 300, "bdinvert", "0.1.0", None, "known")
    assert PointRecord.load(tmp_path / "r.npz").point.space is SPACES[latent]


@pytest.mark.parametrize("f", [None, F])
def test_a_picture_of_format_1_loads(tmp_path: Path, f: np.ndarray | None) -> None:
    former_point(tmp_path / "r.npz", Z, f)
    record = PointRecord.load(tmp_path / "r.npz")
    assert np.array_equal(record.point.code, Z) and (record.point.f is None) == (f is None)
    assert record.point.space is SPACES["zplus" if f is None else "f/zplus"]
    assert (record.generator, record.f_resolution, record.noise, record.about) == (HASH, 4, "const", {"loss": 0.5})
    assert record.script is None and record.truncation == Truncation() and record.notes == []


@pytest.mark.parametrize("format", [1, 2])
def test_settings_of_the_inverter_have_todays_names(tmp_path: Path, format: int) -> None:
    about = {"loss": 0.5, "settings": {"steps": 7, "rate": 0.3, "f_rate": 0.1, "seed": 4}}
    if format == 1:
        former_point(tmp_path / "r.npz", Z, about=about)
    else:
        point_record().save(tmp_path / "r.npz")
        restated(tmp_path / "r.npz", {"about": about})
    record = PointRecord.load(tmp_path / "r.npz")
    assert record.about == {"loss": 0.5, "settings": {"steps": 7, "lr": 0.3, "f_lr": 0.1, "seed": 4}}
    assert Settings(**record.about["settings"]) == Settings(steps=7, lr=0.3, f_lr=0.1, seed=4)


@pytest.mark.parametrize("settings", [{"rate": 3}, {"rate": 0.3, "lr": 0.1}, ["rate", "f_rate"], None])
def test_notes_of_somebody_elses_stay_as_they_are(tmp_path: Path, settings: object) -> None:
    point_record().save(tmp_path / "r.npz")
    restated(tmp_path / "r.npz", {"about": {"settings": settings, "rate": 1}})
    assert PointRecord.load(tmp_path / "r.npz").about == {"settings": settings, "rate": 1}


def test_what_is_saved_again_is_of_todays_format(tmp_path: Path) -> None:
    former_code(tmp_path / "code.npz", Z, W)
    former_point(tmp_path / "point.npz", Z)
    kinds: tuple[Any, ...] = (InversionRecord, PointRecord)
    for name, kind in zip(("code", "point"), kinds, strict=True):
        record = kind.load(tmp_path / f"{name}.npz")
        record.save(tmp_path / "again.npz")
        with np.load(tmp_path / "again.npz") as file:
            assert '"format": 2' in str(file["about"]) and set(file) == {"code", "about"}
        again = kind.load(tmp_path / "again.npz")
        again.save(tmp_path / "third.npz")
        assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "third.npz").read_bytes()


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: former_code(path, Z, W, radius=None), "its radius is None; expected a positive"),
        (lambda path: former_point(path, Z, space="v"), "its space is 'v'; expected one of z, zplus, "),
        (lambda path: former_point(path, Z, format=2), "its truncation is missing"),
        (lambda path: former_code(path, Z, W, format=2), "its format is 2, but its arrays"),
    ],
)
def test_what_is_wrong_in_them(tmp_path: Path, write: Callable[[Path], object], reason: str) -> None:
    write(tmp_path / "r.npz")
    with pytest.raises(RecordError, match=reason):
        PointRecord.load(tmp_path / "r.npz")


class TestOneForBoth:
    def test_a_code_beside_its_record_of_format_1_is_found(self, tmp_path: Path) -> None:
        former_code(tmp_path / "a.zplus.npz", Z, W)
        for w, found in ((W, True), (W + 1, False)):
            np.save(tmp_path / "a.npy", w)
            record = PointRecord.load(tmp_path / "a.zplus.npz")
            assert record.script is not None and (record.script.w is not None) == found
            assert ("does not contain w" in " ".join(record.notes)) != found

    @pytest.mark.parametrize(
        ("with_f", "without_f", "said"),
        [
            (True, False, "F of the script is not"),
            (None, False, "if it found one"),
            (None, True, ""),
            (False, True, ""),
        ],
    )
    def test_an_f_that_is_not_there_is_told(
        self, tmp_path: Path, with_f: bool | None, without_f: bool, said: str
    ) -> None:
        code_record().save(tmp_path / "r.npz")
        restated(tmp_path / "r.npz", {"provenance.with_f": with_f, "provenance.without_f": without_f})
        notes = PointRecord.load(tmp_path / "r.npz").notes
        assert [said in note and "Z+ alone" in note for note in notes] == [True] * bool(said)

    def test_a_code_of_several_pictures_is_not_edited(self, tmp_path: Path) -> None:
        former_code(tmp_path / "r.npz", np.concatenate([Z, Z]), W)
        with pytest.raises(RecordError, match="2 images; expected 1"):
            PointRecord.load(tmp_path / "r.npz")

    def test_a_code_off_its_hypersphere_is_not_edited(self, tmp_path: Path) -> None:
        former_code(tmp_path / "r.npz", Z * np.float32(1.1), W)
        with pytest.raises(RecordError, match=r"not on the hypersphere.*--retract step"):
            PointRecord.load(tmp_path / "r.npz")
        former_code(tmp_path / "r.npz", Z * np.float32(2), W, radius=32**0.5)
        with pytest.raises(RecordError, match=r"its radius is 5\.65685; expected the square root of"):
            PointRecord.load(tmp_path / "r.npz")

    @pytest.mark.parametrize(
        ("space", "f", "reason"),
        [
            ("f/zplus", torch.ones(1, 4, 4, 4), r"the feature map F of our own inverter, of shape \(1, 4, 4, 4\)"),
            ("wplus", None, "its codes are in the space wplus, which is neither Z nor Z"),
            ("zplus", None, "no checksum of a script's w"),
        ],
    )
    def test_a_picture_is_of_no_use_to_a_script(
        self, tmp_path: Path, space: str, f: torch.Tensor | None, reason: str
    ) -> None:
        PointRecord(Point(SPACES[space], point_record().point.code, f), HASH, 4, "const").save(tmp_path / "r.npz")
        with pytest.raises(RecordError, match=f"of no use to a script.*zplus invert, and .*{reason}"):
            InversionRecord.load(tmp_path / "r.npz")
