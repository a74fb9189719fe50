"""The scripts of docs/examples do what they say, on the embedded generator."""

from __future__ import annotations

import ast
import re
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

import zplus_plugins as zplus
from support.marked_faces import Marks, drawn
from support.places import ROOT
from zplus_plugins.cli.main import main
from zplus_plugins.directions.scores import Own
from zplus_plugins.photos import aligner
from zplus_plugins.portraits import column, draw, sample
from zplus_plugins.portraits.networks.files import save_sheet

EXAMPLES = ROOT / "docs" / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a script in a folder of its own, and gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(script: str, *words: object) -> str:
        monkeypatch.setattr(sys, "argv", [script, *map(str, words)])
        runpy.run_path(str(EXAMPLES / script), run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    """A serious person, who can smile more."""
    person = sample(3, seed=1_000_000)[2:]
    column(person, "smile").fill_(0.1)
    save_sheet(tmp_path / "portrait.png", draw(person), 1)
    return tmp_path / "portrait.png"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_how_it_is_started(script: str) -> None:
    lines = (ast.get_docstring(ast.parse((EXAMPLES / script).read_text())) or "").splitlines()
    assert any(line.split()[:2] == ["python", script] for line in lines)
    for line in lines:
        if line.startswith("zplus "):
            words = shlex.split(line)[1:]
            name, command, rest = main.resolve_command(click.Context(main), words)
            assert command is not None
            command.make_context(name, rest)  # an error unless it has these options


def test_five_scripts() -> None:
    assert len(SCRIPTS) == 5


def test_a_folder_is_inverted_and_resumed(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(aligner, "detector_named", lambda name, device: Marks())  # MTCNN is an extra
    photos, out = Path("photos"), Path("inverted")
    photos.mkdir()
    drawn()[0].save(photos / "anna.jpg", quality=100, subsampling=0)
    drawn(turn=10)[0].save(photos / "anna.png")
    Image.new("RGB", (64, 64)).save(photos / "nobody.png")
    (photos / "notes.txt").write_text("mine")
    words = ("invert_folder.py", photos, out, "--steps", 2)
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 1
    told = capsys.readouterr()
    assert told.out.count("loss") == 2
    assert "nobody.png: left out. photos/nobody.png: marks found no face" in told.err
    assert "notes.txt: left out" in told.err

    records = {record.name: record.read_bytes() for record in out.iterdir()}
    assert sorted(records) == ["anna.jpg.zplus.npz", "anna.png.zplus.npz"]
    mine = zplus.invert(zplus.align(photos / "anna.png", 64, detector=Marks()), steps=2)
    assert torch.equal(zplus.Inversion.load(out / "anna.png.zplus.npz").point.code, mine.point.code)

    (photos / "nobody.png").unlink()
    (photos / "notes.txt").unlink()
    (out / "anna.png.zplus.npz").unlink()  # as if the run had been stopped before it
    stamp = (out / "anna.jpg.zplus.npz").stat().st_mtime_ns
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 0
    assert "anna.jpg: finished before\nanna.png: loss" in capsys.readouterr().out
    assert {record.name: record.read_bytes() for record in out.iterdir()} == records
    assert (out / "anna.jpg.zplus.npz").stat().st_mtime_ns == stamp

    with pytest.raises(SystemExit, match=r"anna\.jpg\.zplus\.npz is of another photograph, or made with other"):
        run(*words, "--space", "zplus")
    drawn(turn=5)[0].save(photos / "anna.jpg")
    with pytest.raises(SystemExit, match=r"anna\.jpg\.zplus\.npz is of another photograph"):
        run(*words)
    assert {record.name: record.read_bytes() for record in out.iterdir()} == records


def test_a_film_goes_there_and_back(run: Run, portrait: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = zplus.invert(portrait, steps=3)
    found.save("portrait.npz")
    told = run("edit_film.py", "portrait.npz", "film.webp", "smile=2", "age=-1.5", "--frames", 3)
    assert told == "film.webp: 4 frames\n"
    half, whole = ({"smile": 2 * share, "age": -1.5 * share} for share in (0.5, 1))
    expected = [found.image(), found.edit(half).image(), found.edit(whole).image(), found.edit(half).image()]
    assert not np.array_equal(expected[1], expected[2])
    with Image.open("film.webp") as film:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 4
    for frame, image in zip(frames, expected, strict=True):
        assert np.array_equal(frame, np.asarray(image))

    before = Path("film.webp").read_bytes()
    for words, said in (
        (("film.webp", "smile=2"), "film.webp exists"),
        (("other.webp", "smile"), "argument NAME=STRENGTH"),
    ):
        with pytest.raises(SystemExit) as ended:
            run("edit_film.py", "portrait.npz", *words)
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit, match="no embedded direction of that name"):
        run("edit_film.py", "portrait.npz", "other.webp", "grin=2")
    assert Path("film.webp").read_bytes() == before and not Path("other.webp").exists()


def test_spaces_are_compared_where_the_change_is_the_same(run: Run, portrait: Path) -> None:
    told = run("same_change.py", portrait, "comparison.png", "--steps", 8)
    pattern = r"(F/[WZ]\+): strength (\d\.\d\d), change (\d\.\d{3}), identity (\d\.\d{3})\n"
    rows: list[Any] = re.findall(pattern, told)
    assert [row[0] for row in rows] == ["F/W+", "F/Z+"]
    (strength, change, identity), (other_strength, other_change, other_identity) = (
        tuple(map(float, row[1:])) for row in rows
    )
    assert change == pytest.approx(other_change, abs=0.01) and change > 0.02
    assert abs(strength - other_strength) > 0.05  # which is why strengths cannot be compared
    assert 0 < identity < 1 and 0 < other_identity < 1
    with Image.open("comparison.png") as picture:
        assert picture.format == "PNG" and picture.size == (600, 340)
    before = Path("comparison.png").read_bytes()
    with pytest.raises(SystemExit) as ended:
        run("same_change.py", portrait, "comparison.png")
    assert ended.value.code == 2 and Path("comparison.png").read_bytes() == before


def test_a_loop_of_one_s_own_stays_on_the_hypersphere(run: Run) -> None:
    told = run("own_loop.py")
    first, last, off = map(float, re.fullmatch(r"loss (\S+) -> (\S+); off .* at most (\S+)\n", told).groups())  # type: ignore[union-attr]
    assert last < 0.02 * first and off < 1e-5

    parts = runpy.run_path(str(EXAMPLES / "own_loop.py"))
    torch.manual_seed(1)
    generator = parts["Generator"]().requires_grad_(False)
    target = generator.synthesis(generator.mapping(zplus.SphericalLatent.random(1, 6, 32))).detach()
    z, losses = parts["invert"](generator, target, steps=50)
    assert z.shape == (1, 6, 32) and losses.shape == (50,) and float(z.sphere_error()) < 1e-5
    with torch.no_grad():
        assert float((generator.synthesis(generator.mapping(z)) - target).square().mean()) < 0.5 * float(losses[0])


def test_a_direction_of_one_s_own_changes_what_it_scores(run: Run) -> None:
    told = run("own_direction.py", "wall.npz", "--codes", 320)
    less, before, more = (float(line.split(": ")[1]) for line in told.splitlines())
    assert less < before - 0.1 and more > before + 0.1
    direction = zplus.Direction.load(Path("wall.npz"), zplus.load_generator())
    assert (direction.name, direction.method) == ("warm_wall", "interfacegan")
    images = torch.zeros(2, 3, 64, 64)
    images[1, 0], images[1, 2, 8:] = 0.5, 0.9  # red all over, and blue below the corners
    own = Own(f"{EXAMPLES / 'own_direction.py'}:warm_wall", images)
    assert own.names == ("warm_wall",) and own(images)[:, 0].tolist() == [0, 0.5]
    with pytest.raises(SystemExit) as ended:
        run("own_direction.py", "wall.npz")
    assert ended.value.code == 2
