"""Files that a script requests: --offline lists them without downloading, --trust-checkpoint loads refused ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image
from torch import nn

from support.bdinvert_assets import Assets, invert_args, prepare
from support.places import STANDINS
from zplus_plugins.cli.main import main
from zplus_plugins.upstreams.requirements.pictures.folders import Pictures, SavedCodes
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB
from zplus_plugins.upstreams.requirements.pictures.selection import Walked

pytestmark = pytest.mark.filterwarnings("default")

STANDIN = STANDINS / "bdinvert"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    return prepare(tmp_path_factory.mktemp("standin"), STANDIN)


@pytest.fixture
def assets(prepared: Assets, monkeypatch: pytest.MonkeyPatch) -> Assets:
    monkeypatch.chdir(prepared.cwd)
    monkeypatch.setenv("TORCH_HOME", prepared.env["TORCH_HOME"])
    return prepared


def zplus_run(assets: Assets, *options: str, further: tuple[str, ...] = ()) -> Result:
    return CliRunner().invoke(main, ["run", *options, "invert.py", *map(str, invert_args(assets, 1)), *further])


def row(result: Result, name: str) -> str:
    (found,) = (line for line in result.output.splitlines() if line.split("  ")[0].endswith(name))
    return found


def test_offline_lists_existing_files(assets: Assets) -> None:
    result = zplus_run(assets, "--offline", "--dry-run")
    assert result.exit_code == 0, result.output
    assert f"checkpoints/{assets.model_name}.pth" in result.output
    for name, what in (("mean_latent.npy", "P_N statistics"), ("crop0.png", "picture"), ("397923af.pth", "LPIPS")):
        assert "  yes" in row(result, name), result.output
        assert what in row(result, name)


def test_offline_lists_missing_files(assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    result = zplus_run(assets, "--offline", "--dry-run", further=("--encoder_pt_path", "absent.pth"))
    assert result.exit_code == 1, result.output
    assert "  no " in row(result, "absent.pth")
    assert "  no " in row(result, "vgg16-397923af.pth")
    assert "https://download.pytorch.org/models/vgg16-397923af.pth" in row(result, "vgg16-397923af.pth")
    assert "zplus: error: 2 " in result.output


def test_offline_stops_before_a_download(assets: Assets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert zplus_run(assets, "--dry-run").exit_code == 0  # torch would fetch it
    result = zplus_run(assets, "--offline")
    assert result.exit_code == 1, result.output
    assert str(tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth") in result.output
    assert "Traceback" not in result.output


def test_a_checkpoint_with_more_than_weights_needs_trust(assets: Assets, tmp_path: Path) -> None:
    encoder = tmp_path / "encoder.pth"
    torch.save({**torch.load(assets.encoder, "cpu", weights_only=True), "loss": nn.MSELoss()}, encoder)
    further = ("--encoder_pt_path", str(encoder))
    refused = zplus_run(assets, "--dry-run", further=further)
    assert refused.exit_code == 1, refused.output
    assert "torch.nn.modules.loss.MSELoss" in refused.output
    assert f"--trust-checkpoint {encoder}" in refused.output
    assert "Traceback" not in refused.output
    trusted = zplus_run(assets, "--dry-run", "--trust-checkpoint", str(encoder), further=further)
    assert trusted.exit_code == 0, trusted.output


def test_a_trusted_checkpoint_must_exist(assets: Assets) -> None:
    result = zplus_run(assets, "--dry-run", "--trust-checkpoint", "absent.pth")
    assert result.exit_code == 2
    assert "absent.pth" in result.output


def test_pictures_and_their_saved_codes_are_listed(tmp_path: Path) -> None:
    pictures = Pictures("{d}", selection=Walked((".png",)), reader=PILLOW_RGB, what="images", remedy="Align them.")
    codes = SavedCodes("{d}/{image}/0.pt", pictures=pictures, remedy="Invert them.", unless="again")
    arguments = {"d": tmp_path / "in", "again": False}
    assert [(file.path, file.present) for file in pictures.asks_for(arguments)] == [(tmp_path / "in", False)]
    for name in ("a.png", "b.png", "a/0.pt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    assert [(file.path.name, file.present) for file in pictures.asks_for(arguments)] == [
        ("a.png", True),
        ("b.png", True),
    ]
    assert [(file.path.parent.name, file.present) for file in codes.asks_for(arguments)] == [("a", True), ("b", False)]
    assert codes.asks_for({**arguments, "again": True}) == []


def test_what_opencv_discards_is_reported(assets: Assets, tmp_path: Path) -> None:
    image_list, fine, real = tmp_path / "test.list", tmp_path / "fine.png", tmp_path / "real.tiff"
    Image.fromarray(np.full((16, 16), 40_000, np.uint16)).save(fine)
    Image.fromarray(np.full((16, 16), 0.5, np.float32)).save(real)
    further = ("--image_list", str(image_list))
    image_list.write_text(f"{fine}\n")
    notes = zplus_run(assets, "--dry-run", further=further)
    assert notes.exit_code == 0, notes.output
    assert f"{image_list}, line 1: {fine} has 16 bits per channel" in notes.output
    image_list.write_text(f"{fine}\n{real}\n")
    refusal = zplus_run(assets, "--dry-run", further=further)
    assert refusal.exit_code == 1
    assert f"{image_list}, line 2: {real} cannot be read" in refusal.output
    image_list.write_text(f"\ufeff{fine}\n", encoding="utf-8")
    refusal = zplus_run(assets, "--dry-run", further=further)
    assert refusal.exit_code == 1
    assert f"{image_list}, line 1: begins with a byte order mark" in refusal.output
    assert "Traceback" not in refusal.output
