"""``zplus invert`` on a tiny generator, and all that it refuses."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.commands import GENERATOR, INVERT, done, pixels, zplus
from support.outcome import refused
from zplus_plugins.errors import RecordError
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import SPACES, Model, Settings, invert
from zplus_plugins.inversion import batches as inverting
from zplus_plugins.inversion.images import read_pictures
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.metrics import Lpips
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import BOOK

BY_LIKENESS = {"auto": (), "lpips": ("--likeness", "lpips"), "none": ("--likeness", "none")}


@pytest.mark.parametrize("space", SPACES)
def test_records_hold_what_was_found_in_any_space(work: Path, model: Model, space: str) -> None:
    done(*INVERT, "--space", space)
    found = invert(model, SPACES[space], read_pictures([work / "faces"], 16), Settings(steps=3))
    record = PointRecord.load(work / "inverted" / "bert.zplus.npz")
    point = record.require(model)
    assert torch.equal(point.code, found.point.code[1:])
    assert (point.f is None) == (found.point.f is None)
    assert found.point.f is None or torch.equal(point.f, found.point.f[1:])
    assert record.generator == weights_hash(GENERATOR)
    assert record.about["picture"] == "bert.png" and record.about["settings"]["steps"] == 3
    assert np.array_equal(pixels("inverted/bert.zplus.png"), np.asarray(sheet(model.pictures(point), 1)))


@pytest.mark.usefixtures("torch_home", "work")
def test_a_picture_is_inverted_by_lpips_unless_told_otherwise() -> None:
    """Nearer by LPIPS than by the squared error alone."""
    common = ("invert", "faces", "--generator", "generator.pt", "--space", "wplus", "--steps", 20)
    pictures, distance, found = read_pictures(["faces/anna.png", "faces/bert.png"], 16), Lpips(), {}
    for name, more in BY_LIKENESS.items():
        reconstructions = [Path(record).with_suffix(".png") for record in done(*common, *more, "--out", name)]
        found[name] = distance(pictures, read_pictures(reconstructions, 16))
    assert torch.equal(found["lpips"], found["auto"])
    assert (found["lpips"] < found["none"]).all()


def test_an_inversion_of_an_earlier_version_goes_on(work: Path) -> None:
    done(*INVERT, "--lr", "0.3")
    folder = Path("inverted")
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    book = folder / BOOK  # two lines, of anna and of bert; the second is yet to come
    first = book.read_text().splitlines(keepends=True)[0]
    book.write_text(first.replace("setting lr", "setting rate").replace("setting f_lr", "setting f_rate"))
    for path in folder.glob("bert.*"):
        path.unlink()
    refusal = zplus(*INVERT, "--lr", "0.2")
    assert refusal.exit_code == 2 and "setting lr was 0.3, is 0.2" in refusal.stderr
    changed = (folder / "anna.zplus.npz").stat().st_mtime_ns
    done(*INVERT, "--lr", "0.3")
    assert (folder / "anna.zplus.npz").stat().st_mtime_ns == changed
    now = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert now.keys() == whole.keys() and all(now[name] == whole[name] for name in now if name != BOOK)


def test_a_picture_that_is_gone_by_the_end_has_been_hashed(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, invert = hashlib.sha256(Path("faces/anna.png").read_bytes()).hexdigest(), inverting.invert

    def inverted(*args: Any, **kwargs: Any) -> Any:
        shutil.rmtree("faces")
        return invert(*args, **kwargs)

    monkeypatch.setattr(inverting, "invert", inverted)
    done(*INVERT)
    assert PointRecord.load(Path("inverted/anna.zplus.npz")).about["picture_sha256"] == expected


def test_codes_that_are_not_numbers_are_not_recorded(model: Model) -> None:
    point = model.start(SPACES["wplus"], 1)
    point.code[0, 0, 0] = torch.nan
    with pytest.raises(RecordError, match="The code contains NaN or inf"):
        PointRecord.of(model, point, {})
    with pytest.raises(RecordError, match="codes of 2 images"):
        PointRecord.of(model, model.start(SPACES["wplus"], 2), {})


def _add(name: str, write: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda work: write(work / "faces" / name)


def _spoil_nothing(work: Path) -> None:
    pass


def _empty(work: Path) -> None:
    for file in (work / "faces").iterdir():
        file.unlink()


def _same_name(path: Path) -> None:
    Image.new("RGB", (16, 16)).save(path)


@pytest.mark.parametrize(
    ("spoil", "options", "status", "parts"),
    [
        (_add("x.png", lambda path: path.write_text("no picture")), (), 1, ["x.png is not an image"]),
        (_add("x.png", lambda p: Image.new("RGB", (8, 8)).save(p)), (), 1, ["8 x 8", "--resize"]),
        (_add("x.png", lambda p: Image.new("RGB", (16, 8)).save(p)), ("--resize",), 1, ["16 x 8", "--align", "crop"]),
        (_empty, (), 1, ["no image in the folder faces"]),
        (_add("anna.bmp", _same_name), (), 2, ["anna.bmp and faces/anna.png", "Rename"]),
        (_spoil_nothing, ("absent.png",), 1, ["no image or folder absent.png"]),
        (_spoil_nothing, ("--space", "v"), 2, ["no space 'v'"]),
        (_spoil_nothing, ("--generator", "absent.pt"), 1, ["absent.pt"]),
        (_spoil_nothing, ("--generator", "faces/anna.png"), 1, ["faces/anna.png"]),
    ],
)
def test_invert_refuses(
    work: Path, spoil: Callable[[Path], object], options: tuple[str, ...], status: int, parts: list[str]
) -> None:
    spoil(work)
    refused(zplus(*INVERT, *options), status, *parts)
    assert not (work / "inverted").exists()


def test_a_full_disk_leaves_earlier_results_alone(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in (material / "inverted").iterdir()}

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    refused(zplus(*INVERT, "--overwrite"), 1, "Cannot write to inverted: No space left")
    assert {path: path.read_bytes() for path in (material / "inverted").iterdir()} == before
