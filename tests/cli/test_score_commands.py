"""``zplus directions --scores``, on a tiny generator."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.commands import done, zplus
from support.outcome import refused
from zplus_plugins.cli.editing.directions import SAMPLES
from zplus_plugins.directions import Direction
from zplus_plugins.directions.boundary import calibration_images
from zplus_plugins.execution import progress

pytestmark = pytest.mark.usefixtures("short_chases")
FIND = ("directions", "--generator", "generator.pt", "--method", "interfacegan", "--no-preview", "--out", "scored")


def test_directions_of_pixels_are_told_in_a_table(material: Path) -> None:
    options = ("--scores", "pixels", "--samples", 96, "--attribute", "warmth", "--attribute", "brightness")
    first = zplus(*FIND, *options)
    assert first.exit_code == 0, first.output
    assert first.stdout.splitlines() == ["scored/warmth.zplus.npz", "scored/brightness.zplus.npz"]
    assert "per strength in W" in first.stderr and "brightness" in first.stderr
    assert Direction.load("scored/warmth.zplus.npz").about["codes"] == 96
    again = zplus(*FIND, *options)
    assert again.exit_code == 0 and "were found before" in again.stderr and "per strength in W" in again.stderr
    refused(zplus(*FIND, *options, "--samples", 97), 2, "codes was 96, is 97")


def test_long_work_is_announced_once(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ("--scores", "pixels", "--samples", 160, "--attribute", "warmth")
    monkeypatch.setattr(progress, "_MEASURED", 0.0)
    assert " s a step" not in zplus(*FIND, *options).stderr
    monkeypatch.setattr(progress, "LONG", 0.0)
    told = zplus(*FIND, *options, "--overwrite").stderr
    images = 160 + calibration_images(1)
    said = rf"zplus: finding 1 direction by {images} images of 16 px: about 1 s \(\S+ s a step of 32 images, .* GB\) on"
    assert len(re.findall(said, told)) == 1 and told.count(" s a step") == 1


def test_a_table_of_generated_images(material: Path) -> None:
    rows = [f"seed{seed:010d}.zplus.png,{seed * 37 % 101}" for seed in range(96)]
    Path("mine.csv").write_text("\n".join(["image,mine", *rows]))
    assert done(*FIND, "--scores", "mine.csv") == ["scored/mine.zplus.npz"]
    refused(zplus(*FIND, "--out", "other", "--scores", "absent.csv"), 1, "no file of scores absent.csv")
    Path("few.csv").write_text("seed,mine\n1,2\n")
    refused(zplus(*FIND, "--out", "other", "--scores", "few.csv"), 1, "1 codes are too few")
    assert not Path("other").exists()


def test_a_function_of_the_user_and_its_error(material: Path) -> None:
    Path("mine.py").write_text(
        "def light(images):\n    return images.mean(dim=(1, 2, 3))\ndef bad(images):\n    1 / 0\n"
    )
    assert done(*FIND, "--scores", "mine.py:light", "--samples", 96) == ["scored/light.zplus.npz"]
    failed = zplus(*FIND, "--out", "other", "--scores", "mine.py:bad")
    assert failed.exit_code == 1 and "ZeroDivisionError" in failed.output
    assert "mine.py:bad itself failed, with the error above" in failed.output
    assert not Path("other").exists()


@pytest.mark.parametrize("option", ["--scores", "--attribute", "--samples", "--text", "--against", "--clip-weights"])
def test_every_option_is_explained(option: str) -> None:
    told = " ".join(zplus("directions", "--help").stdout.split())
    assert option in told and f"[default: {SAMPLES}]" in told
