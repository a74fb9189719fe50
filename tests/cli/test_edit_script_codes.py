"""``zplus edit`` on the codes of scripts, from the records that ``zplus run`` writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from support.commands import GENERATOR, done, zplus
from support.npz_files import former_code
from support.outcome import refused
from zplus_plugins import Inversion, InversionRecord, SphericalLatent, Truncation, mapping_of
from zplus_plugins.directions import Direction, Pursuit
from zplus_plugins.inversion import SPACES, Model, Point, statistics_of
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.records.inversion import Provenance, hash_code

OWN = ("--generator", "generator.pt")
WAY = ("--direction", "found_generator/ganspace-00.zplus.npz")
OTHER_WAY = ("--direction", "found_other/ganspace-00.zplus.npz")
CODE = "codes/anna.zplus.npz"
EDIT_CODE = ("edit", CODE, *OWN, *WAY, "--strength", "-1:1:3", "--out", "edited")


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def _z(codes: int = 6) -> SphericalLatent:
    return SphericalLatent.random(1, codes, 12, generator=torch.Generator().manual_seed(3))


def _of_run(
    latent: str = "zplus", truncation: Truncation | None = None, with_f: bool | None = False, codes: int = 6
) -> Model:
    """Write the record of a run of a script beside no code, and give the model that it belongs to."""
    z, truncation = _z(codes if latent == "zplus" else 1).detach(), truncation or Truncation()
    model = Model(GENERATOR, statistics_of(GENERATOR), truncation=truncation)
    w = mapping_of(GENERATOR, truncation)(z).detach().numpy() if z.shape[1] in (1, 6) else z.numpy()
    provenance = Provenance(latent, False, "random", "step", 1, 9, "bdinvert", "0", None, "known", with_f)
    Path("codes").mkdir()
    InversionRecord(z.numpy(), 12**0.5, truncation, hash_code(w), provenance, w).save(CODE)
    return model


@pytest.mark.parametrize("way", ["local", "global"])
@pytest.mark.parametrize("latent", ["z", "zplus"])
@pytest.mark.parametrize("truncation", [Truncation(), Truncation(0.5, 3)])
def test_a_code_of_a_script_is_edited(material: Path, latent: str, way: str, truncation: Truncation) -> None:
    model = _of_run(latent, truncation)
    written = done(*EDIT_CODE, "--way", way)
    point = Point(SPACES[latent], _z(6 if latent == "zplus" else 1).detach())
    with torch.no_grad():
        w = mapping_of(GENERATOR, truncation)(point.code)
        assert np.array_equal(pixels(written[2]), np.asarray(sheet(GENERATOR.synthesis(w), 1)))
        direction = Direction.load(Path(WAY[1]), GENERATOR)
        moved = model.moved(point, direction.z, direction.w, 1.0)
    if way == "local":
        moved = Pursuit(model, point, direction.w)(1.0)
    assert np.array_equal(pixels(written[3]), np.asarray(sheet(model.pictures(moved), 1)))
    assert "made before" in zplus(*EDIT_CODE, "--way", way).output


def test_an_f_that_a_script_found_is_told_to_be_missing(material: Path) -> None:
    _of_run(with_f=True)
    assert "F of the script is not in the record" in zplus(*EDIT_CODE).output


def test_a_code_of_format_1_is_edited(material: Path) -> None:
    with torch.no_grad():
        w = mapping_of(GENERATOR)(_z()).numpy()
    Path("codes").mkdir()
    former_code(Path(CODE), _z().detach().numpy(), w)
    assert "cannot be verified" in zplus(*EDIT_CODE).output
    Inversion.load(CODE, GENERATOR).save("same.npz")
    again = Inversion.load("same.npz", GENERATOR)
    assert torch.equal(again.point.code, _z()) and again.scripts[0] is not None
    again.edit(WAY[1]).save("mine.npz")
    assert InversionRecord.load(Path("mine.npz")).w is not None
    np.save("codes/anna.npy", w)
    assert "nothing tells" not in zplus(*EDIT_CODE, "--overwrite").output
    refused(zplus(*EDIT_CODE, "--generator", "other.pt", *OTHER_WAY), 1, "inverted with another checkpoint")
    for psi, said in ((2e38, f"psi 2e+38, maps the recorded z of {CODE} to NaN or inf"), (10**29, "relative distance")):
        former_code(Path(CODE), _z().detach().numpy(), w, truncation={"psi": psi, "cutoff": None})
        refused(zplus(*EDIT_CODE), 1, said)
    former_code(Path(CODE), _z().detach().numpy(), w, truncation={"psi": 1e300, "cutoff": None})
    refused(zplus(*EDIT_CODE), 1, "its truncation.psi is 1e+300; expected a finite number of single precision")


def test_a_code_of_a_script_is_refused(material: Path) -> None:
    _of_run()
    without = [word for word in EDIT_CODE if word not in OWN]
    refused(zplus(*without), 2, CODE, "bdinvert", "Give the checkpoint of the inversion with --generator FILE.")
    refused(zplus(*EDIT_CODE, "--generator", "other.pt", *OTHER_WAY), 1, CODE, "inverted with another checkpoint")
    shutil.rmtree("codes")
    _of_run(codes=4)
    refused(zplus(*EDIT_CODE), 1, "(1, 4, 12)", "(1, 6, 12)")
    assert not Path("edited").exists()


@pytest.mark.parametrize("truncation", [Truncation(), Truncation(0.5, 3)])
def test_an_edited_code_of_a_script_is_edited_again(material: Path, truncation: Truncation) -> None:
    """Its record contains the w of the new z, so that another checkpoint is refused as before."""
    model = _of_run(truncation=truncation, with_f=True)
    picture, record = done("edit", CODE, *OWN, *WAY, "--strength", 2, "--out", "edited")
    Inversion.load(CODE, "generator.pt").edit(WAY[1], 2).save("mine.npz")
    assert Path("mine.npz").read_bytes() == Path(record).read_bytes()
    moved, before = InversionRecord.load(record), InversionRecord.load(CODE)
    assert moved.provenance == before.provenance and moved.truncation == before.truncation
    assert moved.w is not None and not np.allclose(moved.w, before.w, atol=1e-2)
    with torch.no_grad():
        own = model.pictures(Point(SPACES["zplus"], torch.from_numpy(moved.z)))
    assert np.array_equal(pixels(picture), np.asarray(sheet(own, 1)))
    again = zplus("edit", record, *OWN, *WAY, "--strength", 1, "--out", "edited")
    assert again.exit_code == 0 and "F of the script is not in the record" in again.stderr
    other = ("edit", record, "--generator", "other.pt", *OTHER_WAY, "--out", "edited")
    refused(zplus(*other), 1, "inverted with another checkpoint")
