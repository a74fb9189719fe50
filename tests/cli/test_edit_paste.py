"""``zplus edit --paste``: the photographs with the edits in them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import done, zplus
from support.marked_faces import alignment_by, drawn
from support.outcome import files, refused
from zplus_plugins.directions.edits.making import Making
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.photos.quad import from_photo

ANNA = "inverted/anna.zplus.npz"
EDIT = ("edit", ANNA, "--generator", "generator.pt", "--direction", "found_generator/ganspace-00.zplus.npz")
PASTE = (*EDIT, "--strength", "2:3:2", "--paste", "auto", "--out", "out")
NAMES = [f"anna.ganspace-00+{strength}.000.pasted.zplus.png" for strength in (2, 3)]


def taken_from(photo: Path, record: str) -> None:
    """Let a record say that its image was cut out of a photograph."""
    before = PointRecord.load(record)
    alignment = alignment_by(drawn(12)[1], photo).plain()
    replace(before, about={**before.about, "alignment": alignment}).save(Path(record))


@pytest.fixture
def photo(material: Path) -> Path:
    """A photograph beside the folder of the records, of which anna's says that it was cut out of it."""
    noise = np.random.default_rng(0).integers(100, 150, (300, 320, 3)).astype(np.uint8)
    Image.fromarray(noise).save("party.png")
    taken_from(Path("party.png"), ANNA)
    return Path("party.png")


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def test_each_edit_is_put_into_its_photograph_as_zplus_paste_does_it(photo: Path) -> None:
    found = json.loads(zplus(*PASTE, "--json").stdout)
    assert [one["photograph"] for one in found["results"]] == [f"out/{name}" for name in NAMES]
    assert done(*PASTE)[-2:] == [f"out/{name}" for name in NAMES]
    edits = [one["image"] for one in found["results"]]
    done("paste", photo, *edits, "--record", ANNA, "--out", "pasted")
    for name in NAMES:
        assert np.array_equal(pixels(f"out/{name}"), pixels(f"pasted/{name}"))
    assert (pixels(f"out/{NAMES[1]}") != pixels(photo)).any()


def test_with_the_colours_of_the_photograph_as_zplus_paste_does_it(photo: Path) -> None:
    done(*PASTE, "--match-colour")
    edits = [f"out/{name.replace('.pasted', '')}" for name in NAMES]
    done("paste", photo, *edits, "--record", ANNA, "--match-colour", "--out", "pasted")
    done("paste", photo, *edits, "--record", ANNA, "--out", "plain")
    for name in NAMES:
        assert np.array_equal(pixels(f"out/{name}"), pixels(f"pasted/{name}"))
    assert (pixels(f"out/{NAMES[1]}") != pixels(f"plain/{NAMES[1]}")).any()
    before = files(Path("out"))
    refused(zplus(*PASTE), 2, "match colour", "--overwrite")  # made with another setting
    assert files(Path("out")) == before
    alone = zplus(*EDIT, "--strength", "2:3:2", "--match-colour", "--out", "alone")
    assert alone.exit_code == 2 and "Add --paste auto." in alone.output and not Path("alone").exists()


@pytest.mark.parametrize("given", ["auto", "party.png"])
@pytest.mark.parametrize("place", [".", "inverted", "inverted/photos"])
def test_it_is_found_here_and_beside_the_record_and_named_by_hand(photo: Path, given: str, place: str) -> None:
    Path(place).mkdir(exist_ok=True)
    shutil.move(photo, moved := Path(place) / "party.png")
    word = str(moved) if given != "auto" else given
    assert done(*PASTE, "--paste", word)[-2:] == [f"out/{name}" for name in NAMES]


def test_another_file_of_its_name_does_not_stand_in_its_way(photo: Path) -> None:
    shutil.copy(photo, "inverted/party.png")
    Image.new("RGB", (320, 300)).save(photo)
    assert np.array_equal(pixels(done(*PASTE)[-1])[0], pixels("inverted/party.png")[0])


def test_an_edit_of_no_strength_gives_the_photograph_back(photo: Path) -> None:
    made = done(*PASTE, "--strength", 0)[-1]
    assert np.array_equal(pixels(made), pixels(photo))


def test_the_mask_confines_it_in_the_photograph_too(photo: Path) -> None:
    top = np.zeros((32, 32), np.uint8)
    top[:16] = 255
    Image.fromarray(top).save("top.png")
    whole = pixels(done(*PASTE)[-1]) - pixels(photo)
    part = pixels(done(*PASTE, "--mask", "top.png", "--feather", 0)[-1]) - pixels(photo)
    y, x = np.mgrid[:300, :320] + 0.5
    corners = alignment_by(drawn(12)[1], photo).corners
    down = from_photo(np.stack([x.ravel(), y.ravel()], axis=1), corners, 1)[:, 1].reshape(300, 320)
    below, above = down > 0.6, down < 0.4  # by more than the pixels of 16 that a pixel between them is mixed of
    assert not part[below].any() and whole[below].any()
    assert np.array_equal(part[above], whole[above]) and part[above].any()


def test_what_is_there_is_not_made_again(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done(*EDIT, "--strength", "2:3:2", "--out", "out")
    without = files(Path("out"))
    done(*PASTE)
    whole = files(Path("out"))
    assert without.keys() < whole.keys() and all(whole[name] == without[name] for name in without if name[0] != ".")
    Path("out", NAMES[0]).unlink()
    done(*PASTE)
    assert files(Path("out")).keys() == whole.keys() and Path("out", NAMES[0]).read_bytes() == whole[NAMES[0]]

    def at(*arguments: object) -> object:
        raise AssertionError("work was spent")

    monkeypatch.setattr(Making, "at", at)
    assert "these edits were made before" in zplus(*PASTE).stderr


def test_each_of_several_records_has_a_photograph_of_its_own(photo: Path) -> None:
    Image.new("RGB", (320, 300), (90, 120, 150)).save("street.png")
    taken_from(Path("street.png"), "inverted/bert.zplus.npz")
    done(*PASTE[:1], "inverted", *PASTE[2:])
    bert = pixels("out/bert.ganspace-00+2.000.pasted.zplus.png")
    assert tuple(bert[0, 0]) == (90, 120, 150) and np.array_equal(pixels(f"out/{NAMES[0]}")[0], pixels(photo)[0])


def test_what_cannot_be_done_is_refused_before_any_work(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Making, "at", None)
    monkeypatch.setattr("zplus_plugins.inversion.opening.Opened.pictures", None)
    content = photo.read_bytes()
    refused(zplus(*PASTE, "--paste", "absent.png"), 2, "--paste absent.png: there is no such file")
    photo.unlink()
    refused(zplus(*PASTE), 1, "The photograph 'party.png' is not in ., inverted, inverted/photos. Give its path.")
    Image.new("RGB", (320, 300)).save(photo)
    for word in ("auto", "party.png"):
        refused(zplus(*PASTE, "--paste", word), 1, "party.png is not the photograph", "sha256")
    photo.write_bytes(content)
    bert = "inverted/bert.zplus.npz"
    refused(zplus(*PASTE[:1], bert, *PASTE[2:]), 1, "bert.zplus.npz does not say how its image was cut out")
    refused(zplus(*PASTE[:1], "inverted", *PASTE[2:]), 1, "bert.zplus.npz does not say how its image was cut out")
    before = PointRecord.load(ANNA)
    replace(before, about={**before.about, "alignment": {"photo": 3}}).save(Path(ANNA))
    refused(zplus(*PASTE), 1, "alignment.photo is 3")
    assert not Path("out").exists()


def test_records_that_are_unfit_are_left_out_where_that_is_wanted(photo: Path) -> None:
    result = zplus(*PASTE[:1], "inverted", *PASTE[2:], "--skip-bad")
    assert result.exit_code == 0 and result.stdout.splitlines()[-2:] == [f"out/{name}" for name in NAMES]
    assert "1 of 2 records were left out" in result.stderr


def test_the_record_of_an_edit_is_refused_with_the_way_to_it(photo: Path) -> None:
    """The photograph would show only the last edit: the image before the first one is not in the record."""
    record = "out/anna.ganspace-00+2.000.zplus.npz"
    done(*PASTE)
    refused(zplus(*PASTE[:1], record, *PASTE[2:]), 1, f"{record} is the record of an edit", "zplus paste")
