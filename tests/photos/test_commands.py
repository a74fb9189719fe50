"""From a photograph to the photograph with an edit, by the commands alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

from zplus_plugins.cli.main import main
from zplus_plugins.inversion.record import PointRecord


def zplus(*arguments: str, status: int = 0) -> str:
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == status, outcome.output
    return outcome.output


def test_from_a_photograph_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.astronaut()).save("anna.png")
    zplus("invert", "anna.png", "--align", "--steps", "2", "--space", "zplus", "--out", "inverted")
    again = zplus("invert", "anna.png", "--align", "--steps", "2", "--space", "zplus", "--out", "inverted")
    assert "inverted before" in again
    about = PointRecord.load("inverted/anna.zplus.npz").about
    assert about["alignment"]["photo"] == "anna.png"
    assert np.abs(np.array(about["alignment"]["quad"]).mean(axis=0) - (225, 107)).max() < 4  # around the nose
    edit = Image.open("inverted/anna.zplus.png").point(lambda level: level // 2)
    edit.save("darker.png")
    zplus("paste", "anna.png", "darker.png", "--record", "inverted/anna.zplus.npz", "--out", "pasted")
    made = np.asarray(Image.open("pasted/darker.pasted.zplus.png")).astype(int)
    assert (made - data.astronaut()).min() < -20
    assert np.array_equal(made[200:], data.astronaut()[200:])


def test_a_photograph_without_a_face_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.coffee()).save("coffee.png")
    Image.fromarray(data.astronaut()).save("anna.png")
    output = zplus("align", "coffee.png", "anna.png", "--size", "64", "--out", "aligned")
    assert "1 of 2 photographs were left out" in output
    assert "coffee.png: mtcnn found no face" in output
    assert "coffee.png: mtcnn found no face" in zplus("align", "coffee.png", "--out", "other", status=1)
    assert "only aligned images" in zplus("align", "aligned", "--out", "other", status=1)
