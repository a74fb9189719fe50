"""From a photograph to the photograph with an edit, by the commands alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

from support.marked_faces import UPRIGHT, Marks, drawn
from zplus_plugins.cli.main import main
from zplus_plugins.demo import command
from zplus_plugins.inversion.record import PointRecord


def zplus(*arguments: str, status: int = 0) -> str:
    outcome = CliRunner().invoke(main, arguments)
    assert outcome.exit_code == status, outcome.output
    return outcome.output


def test_from_a_photograph_and_back(material: Path) -> None:
    Image.fromarray(data.astronaut()).save("anna.png")
    own = ("--generator", "generator.pt", "--likeness", "none", "--steps", "2", "--space", "zplus", "--out", "aligned")
    zplus("invert", "anna.png", "--align", *own)
    assert "inverted before" in zplus("invert", "anna.png", "--align", *own)
    about = PointRecord.load("aligned/anna.zplus.npz").about
    assert about["alignment"]["photo"] == "anna.png"
    assert np.abs(np.array(about["alignment"]["quad"]).mean(axis=0) - (225, 107)).max() < 4  # around the nose
    edit = Image.open("aligned/anna.zplus.png").point(lambda level: level // 2)
    edit.save("darker.png")
    zplus("paste", "anna.png", "darker.png", "--record", "aligned/anna.zplus.npz", "--out", "pasted")
    made = np.asarray(Image.open("pasted/darker.pasted.zplus.png")).astype(int)
    assert (made - data.astronaut()).min() < -20
    assert np.array_equal(made[200:], data.astronaut()[200:])


def test_the_comparison_and_the_demo_align_photographs_on_the_way(
    material: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zplus_plugins.photos.aligner.detector_named", lambda name, device: Marks())
    ready: list[Any] = []  # for what follows, which takes seconds and is tested with other images
    monkeypatch.setattr(command, "_make", lambda prepared, *rest: ready.append(prepared))
    drawn(12)[0].save("party.png")
    own = ("--generator", "generator.pt", "--without-lpips", "--spaces", "z,w", "--workers", "1")
    zplus("compare", "party.png", "--align", *own, "--steps", "1", "--out", "compared")
    assert json.loads(Path("compared/results.json").read_text())["sets"]["pictures"]["n"] == 1
    zplus("demo", "--image", "party.png", "--align", "--steps", "1", "--out", "shown")
    seen = ((ready[0].plan.sets[0].pictures[0:1][0] + 1) * 127.5).permute(1, 2, 0).numpy()
    (face,) = Marks()(seen)
    assert np.abs(face.points - (UPRIGHT + np.array((80, 75.6))) * len(seen) / 160).max() < 2
    Image.new("RGB", (99, 99)).save("wall.png")
    for words in (("compare", "wall.png", *own), ("demo", "--image", "wall.png")):
        assert "wall.png: marks found no face" in zplus(*words, "--align", "--steps", "1", "--out", "no", status=1)
    assert "leave out --resize" in zplus("compare", "party.png", *own, "--align", "--resize", "--out", "no", status=2)


def test_a_photograph_without_a_face_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.coffee()).save("coffee.png")
    Image.fromarray(data.astronaut()).save("anna.png")
    output = zplus("align", "coffee.png", "anna.png", "--size", "64", "--out", "aligned")
    assert "1 of 2 photographs were left out" in output
    assert "coffee.png: mtcnn found no face" in output
    assert "coffee.png: mtcnn found no face" in zplus("align", "coffee.png", "--out", "other", status=1)
    assert "only aligned images" in zplus("align", "aligned", "--out", "other", status=1)
