"""Edits that go on: their records, several directions at once, regions and films."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from support.commands import GENERATOR, done, zplus
from support.outcome import files, refused
from zplus_plugins.directions.edits import film
from zplus_plugins.directions.edits.parts import PARTS
from zplus_plugins.directions.edits.region import Region
from zplus_plugins.hypersphere.geometry import sphere_error
from zplus_plugins.inversion import Model, statistics_of
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.system.options import FILMS

OWN = ("--generator", "generator.pt", "--out", "out")
ANNA = "inverted/anna.zplus.npz"
ONE, TWO = "found/ganspace-00.zplus.npz", "found/ganspace-01.zplus.npz"


@pytest.fixture
def work(material: Path) -> Path:
    done("directions", "--generator", "generator.pt", "--components", 2, "--no-preview", "--out", "found")
    return material


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def named(*pairs: tuple[str, object]) -> list[str]:
    """NAME=STRENGTH for directions that are known by the names of their files."""
    return [word for file, strength in pairs for word in ("--direction", f"{file}={strength}")]


def test_a_record_of_an_edit_shows_its_picture_and_is_edited_again(work: Path) -> None:
    picture, record = done("edit", ANNA, *OWN, *named((ONE, 2)))
    parent, edit = PointRecord.load(ANNA), PointRecord.load(record)
    model = Model(GENERATOR, statistics_of(GENERATOR))
    assert edit.about["parent"] == parent.digest() and "mse" in parent.about and "mse" not in edit.about
    (said,) = edit.about["edits"]
    assert said["directions"][0] | {"digest": ""} == {
        "name": "ganspace-00",
        "method": "ganspace",
        "strength": 2.0,
        "layers": None,
        "digest": "",
    }
    assert (said["way"], said["mask"]) == ("local", None)
    assert torch.equal(edit.point.f, parent.point.f) and sphere_error(edit.point.code) < 1e-4
    with torch.no_grad():
        shown = model.pictures(edit.require(model))
    assert np.abs(pixels(picture) - ((shown[0].permute(1, 2, 0) + 1) * 127.5).clamp(0, 255).numpy()).max() < 0.51
    again = done("edit", record, *OWN, *named((TWO, -1)))[-1]
    assert len(PointRecord.load(again).about["edits"]) == 2
    assert PointRecord.load(again).about["parent"] == edit.digest()
    ends = done("interpolate", ANNA, again, *OWN, "--frames", 2)
    assert np.array_equal(pixels(ends[1]), pixels("inverted/anna.zplus.png"))


def test_there_and_back_is_near_and_the_record_before_is_exact(work: Path) -> None:
    """A geodesic's speed is that of the direction's tangent part, which is another one at the other end."""
    there = done("edit", ANNA, *OWN, *named((ONE, 1)), "--way", "global")[-1]
    back = done("edit", there, *OWN, *named((ONE, -1)), "--way", "global")[-1]
    codes = [PointRecord.load(path).point.code.double() for path in (ANNA, there, back)]
    far, near = (torch.linalg.vector_norm(code - codes[0]) for code in codes[1:])
    assert 1e-6 < near < 0.5 * far
    planes = torch.stack([code[0, 0] for code in codes])
    assert torch.linalg.svdvals(planes)[-1] < 1e-4  # all three on one great circle


@pytest.mark.parametrize("way", ["global", "local"])
def test_the_order_of_directions_does_not_matter(work: Path, way: str) -> None:
    codes = []
    for out, order in (("one", ((ONE, 1.5), (TWO, -1))), ("two", ((TWO, -1), (ONE, 1.5)))):
        record = done("edit", ANNA, *OWN[:2], "--out", out, *named(*order), "--way", way)[-1]
        assert Path(record).name == "anna.ganspace-00+1.500.ganspace-01-1.000.zplus.npz"
        codes.append(PointRecord.load(record).point.code)
    torch.testing.assert_close(*codes, atol=1e-5, rtol=0)
    single = done("edit", ANNA, *OWN, *named((ONE, 1.5)), "--way", way)[-1]
    assert not torch.allclose(PointRecord.load(single).point.code, codes[0], atol=1e-2)
    series = done("edit", ANNA, *OWN, *named((TWO, -1)), "--direction", ONE, "--strength", "0:1.5:2", "--way", way)
    alone = done("edit", ANNA, *OWN, *named((TWO, -1)), "--way", way)[-1]
    first = next(path for path in series if path.endswith(".and.ganspace-00+0.000.zplus.npz"))
    torch.testing.assert_close(
        PointRecord.load(first).point.code, PointRecord.load(alone).point.code, atol=1e-5, rtol=0
    )
    if way == "global":
        last = PointRecord.load(series[-1]).point.code
        torch.testing.assert_close(last, codes[0], atol=1e-5, rtol=0)


def test_outside_the_mask_the_picture_stays(work: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[:16] = 255
    Image.fromarray(mask).save("top.png")
    result = zplus("edit", ANNA, *OWN, *named((ONE, 3)), "--mask", "top.png", "--feather", 0)
    assert result.exit_code == 0 and "a code has no mask" in result.stderr
    picture, record = result.stdout.split()
    whole, before = done("edit", ANNA, *OWN, *named((ONE, 3)))[0], "inverted/anna.zplus.png"
    assert Path(picture).name == "anna.ganspace-00.in.top+3.000.zplus.png"
    assert np.array_equal(pixels(picture)[9:], pixels(before)[9:])
    assert np.array_equal(pixels(picture)[:7], pixels(whole)[:7])
    assert not np.array_equal(pixels(whole)[9:], pixels(before)[9:])
    assert "a code has no mask" in zplus("edit", record, *OWN, *named((TWO, 1))).stderr
    Image.new("L", (16, 16)).save("black.png")
    Image.new("RGB", (16, 16), (255, 0, 0)).save("red.png")
    Image.new("L", (16, 8), 255).save("wide.png")
    for given, status, said in (
        ("absent.png", 2, "no such file"),
        ("black.png", 1, "black everywhere"),
        ("red.png", 1, "expected a greyscale image"),
        ("wide.png", 1, "16 x 8"),
        (ANNA, 1, "not an image"),
    ):
        refused(zplus("edit", ANNA, *OWN, *named((ONE, 3)), "--mask", given), status, said)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("drawn", [True, False])
def test_parts_of_a_face_lie_within_their_edges(part: str, drawn: bool) -> None:
    hard, soft = (Region.of(part, 64, feather, drawn).mask for feather in (0, 0.05))
    assert 0.01 < hard.mean() < 0.6 and set(hard.unique().tolist()) == {0, 1}
    assert (soft[hard == 0] == 0).all() and (soft <= hard).all() and 0 < soft.sum() < hard.sum()
    torch.testing.assert_close(hard, hard.flip(1))


@pytest.mark.parametrize("kind", FILMS)
def test_films_go_there_and_back(work: Path, kind: str) -> None:
    edit = ("edit", ANNA, *OWN, "--direction", ONE, "--strength", 3, "--frames", 5, "--loop", "--fps", 25)
    name = f"out/anna.ganspace-00+0.000..+3.000x5.zplus.{kind}"
    assert done(*edit, "--video", kind)[-1] == name
    shown = frames(name)
    assert len(shown) == 8
    ends = [pixels(path).astype(int) for path in ("inverted/anna.zplus.png", "out/anna.ganspace-00+3.000.zplus.png")]
    own, other = (np.abs(shown[0] - end).mean() for end in ends)
    assert own < other and np.abs(shown[4] - ends[1]).mean() < np.abs(shown[4] - ends[0]).mean()
    before = files(Path("out"))
    assert "made before" in zplus(*edit, "--video", kind).stderr and files(Path("out")) == before
    refused(zplus(*edit, "--video", kind, "--fps", 10), 2, "fps was 25, is 10")
    found = json.loads(zplus("walk", ANNA, *OWN, "--frames", 4, "--video", f"round.{kind}", "--json").stdout)
    assert (found["video"], found["results"], found["sheet"]) == (f"out/round.{kind}", [], None)
    assert len(frames(found["video"])) == 4


def frames(path: str) -> list[np.ndarray]:
    if path.endswith(".mp4"):
        import av

        with av.open(path) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.pix_fmt, stream.width % 2, stream.height % 2) == ("yuv420p", 0, 0)
            decoded = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(stream)]
        content = Path(path).read_bytes()
        assert content.index(b"moov") < content.index(b"mdat")
        return decoded
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        return [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(image)]


def test_what_does_not_go_together_is_refused(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = ("edit", ANNA, *OWN, "--direction", ONE, "--direction", TWO)
    refused(zplus(*both), 2, "have no strength of their own")
    refused(zplus("edit", ANNA, *OWN, *named((ONE, 1), (ONE, 2))), 2, "given 2 times")
    refused(zplus("edit", ANNA, *OWN, *named((ONE, 1)), "--strength", 2), 2, "all have one")
    refused(zplus("edit", ANNA, *OWN, *named((ONE, "x"))), 2, "expected NAME, or NAME=STRENGTH")
    refused(zplus("edit", "inverted", *OWN, *named((ONE, 1)), "--video", "a.gif"), 2, "there are 2 records")
    refused(zplus("edit", ANNA, *OWN, *named((ONE, 1)), "--video", "gif", "--fps", 60), 2, "--fps 60")
    for options in (("--fps", 3), ("--frames", 9), ("--loop",), ("--feather", 0.1), ("--video", "../a.gif")):
        assert zplus("edit", ANNA, *OWN, *named((ONE, 1)), *options).exit_code == 2
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    refused(zplus("walk", ANNA, *OWN, "--video", "mp4"), 1, 'pip install "zplus-plugins[video]"')
    assert not Path("out").exists() and film.FORMATS == FILMS


def test_edits_beside_their_records_are_not_edited_by_the_same_command(work: Path) -> None:
    edit = ("edit", "inverted", *OWN[:2], "--out", "inverted", *named((ONE, 1)))
    assert done(*edit) == done(*edit) and len(done(*edit)) == 4
    chain = ("inverted/anna.ganspace-00+1.000.zplus.npz", ANNA)
    refused(
        zplus("edit", *chain, *OWN[:2], "--out", "inverted", *named((ONE, 1)), "--overwrite"), 2, "is to be edited, too"
    )
