"""The commands with a StyleGAN3 generator, on a tiny file of NVlabs' kind."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from support import stylegan3_files as files
from support.commands import done, zplus
from zplus_plugins.generators import load_generator
from zplus_plugins.inversion import Model, statistics_of
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.portraits.networks.files import sheet

GENERATOR = files.trained()
OWN = ("--generator", "stylegan3.pkl")
INVERT = ("invert", *OWN, "--steps", 4, "--likeness", "none", "--out", "inverted", "faces")
ANNA, BERT = "inverted/anna.zplus.npz", "inverted/bert.zplus.npz"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, short_chases: None) -> Path:
    """A folder with a generator, two pictures of it, and two directions."""
    folder = tmp_path_factory.mktemp("stylegan3")
    files.write(GENERATOR, folder / "stylegan3.pkl")
    (folder / "faces").mkdir()
    pictures = GENERATOR(torch.randn(2, 12, generator=torch.Generator().manual_seed(0)))
    for name, picture in zip(("anna", "bert"), pictures, strict=True):
        sheet(picture[None], 1).save(folder / "faces" / f"{name}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for method in ("sefa", "ganspace"):
            found = done("directions", *OWN, "--method", method, "--components", 1, "--out", "found")
            assert found[0] == f"found/{method}-00.zplus.npz" and Path(found[0]).with_suffix(".png").exists()
    return folder


@pytest.fixture
def scene(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, in which the test runs."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("space", ["f/zplus", "wplus", "s"])
def test_inverted_and_edited(space: str, scene: Path) -> None:
    assert done(*INVERT, "--space", space) == [ANNA, BERT]
    generator = load_generator("stylegan3.pkl")
    model = Model(generator, statistics_of(generator))
    picture = model.pictures(PointRecord.load(ANNA).require(model))
    assert np.array_equal(np.asarray(Image.open("inverted/anna.zplus.png")), np.asarray(sheet(picture, 1)))
    names = done("edit", ANNA, *OWN, "--direction", "found/sefa-00.zplus.npz", "--strength=-1:1:3", "--out", "edited")
    assert len(names) == 7
    unmoved, moved = (Path(names[index]).read_bytes() for index in (2, 3))
    assert unmoved == Path("inverted/anna.zplus.png").read_bytes() != moved


def test_paths_and_random_pictures(scene: Path) -> None:
    done(*INVERT, "--space", "f/zplus")
    frames = done("interpolate", ANNA, BERT, *OWN, "--frames", 3, "--out", "between")
    assert Path(frames[1]).read_bytes() == Path("inverted/anna.zplus.png").read_bytes()
    assert Path(frames[3]).read_bytes() == Path("inverted/bert.zplus.png").read_bytes()
    assert len(done("walk", ANNA, *OWN, "--radius", 0.3, "--frames", 3, "--out", "walks")) == 4
    (seed,) = done("generate", *OWN, "--seeds", "5", "--out", "random")
    z = torch.from_numpy(np.random.RandomState(5).randn(1, 12)).float()
    assert np.array_equal(np.asarray(Image.open(seed)), np.asarray(sheet(GENERATOR(z), 1)))


def test_spaces_are_compared(scene: Path) -> None:
    spaces = ("--spaces", "wplus,f/zplus")
    result = zplus("compare", "faces", *OWN, *spaces, "--steps", 2, "--without-lpips", "--out", "report")
    assert result.exit_code == 0, result.output
    content = json.loads(Path("report/results.json").read_text())
    assert content["sets"]["pictures"]["n"] == 2
    assert content["edits"] == [f"ganspace-{k:02d}" for k in range(5)]
    rows = Path("report/table.csv").read_text().splitlines()
    assert [row.split(",")[1] for row in rows] == ["space", "wplus", "f/zplus"]


def test_a_record_needs_its_generator(scene: Path) -> None:
    """One with the same tensors and another constant is another generator."""
    done(*INVERT, "--space", "f/zplus")
    files.write(files.trained(replace(files.SMALL, conv_clamp=4)), scene / "stylegan3.pkl")
    result = zplus("walk", ANNA, *OWN, "--frames", 3, "--out", "walks")
    assert result.exit_code == 1 and "Give the generator of the inversion" in result.output
