"""``zplus directions``, ``invert`` and ``edit`` on a tiny generator, and all that they refuse."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.commands import GENERATOR, INVERT, done, zplus
from support.outcome import refused
from zplus_plugins.directions import Direction, Pursuit
from zplus_plugins.directions.edit import strengths_of
from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import SPACES, Model, Settings, invert, statistics_of
from zplus_plugins.inversion import batches as inverting
from zplus_plugins.inversion.images import read_pictures
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.metrics import Lpips
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.system.results import BOOK

BY_LIKENESS = {"auto": (), "lpips": ("--likeness", "lpips"), "none": ("--likeness", "none")}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(GENERATOR, statistics_of(GENERATOR))


@pytest.fixture
def work(material: Path) -> Path:
    """The material before anything was done."""
    for folder in ("inverted", "found_generator", "found_other"):
        shutil.rmtree(folder)
    return material


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_invert_edit_and_directions_work_together(work: Path, model: Model) -> None:
    found = done("directions", "--generator", "generator.pt", "--components", 2, "--out", "found")
    assert found == [
        "found/ganspace-00.zplus.npz",
        "found/ganspace-00.zplus.png",
        "found/ganspace-01.zplus.npz",
        "found/ganspace-01.zplus.png",
    ]
    assert pixels("found/ganspace-00.zplus.png").shape == (4 * 16, 7 * 16, 3)
    assert done(*INVERT, "--space", "f/zplus") == ["inverted/anna.zplus.npz", "inverted/bert.zplus.npz"]
    way = "found/ganspace-01.zplus.npz"
    edit = ("edit", "inverted/anna.zplus.npz", "--direction", way, "--generator", "generator.pt", "--out", "edited")
    written = done(*edit, "--strength", "-3:3:5", "--way", "global")
    ends = ("-3.000..+3.000x5", "-3.000", "-1.500", "+0.000", "+1.500", "+3.000")
    names = [f"edited/anna.ganspace-01{end}.zplus.png" for end in ends]
    assert written == [*names, *(name.replace(".png", ".npz") for name in names[1:])]
    assert pixels(names[0]).shape == (16, 5 * 16, 3)
    assert Path(names[3]).read_bytes() == Path("inverted/anna.zplus.png").read_bytes()

    record = PointRecord.load(Path("inverted/anna.zplus.npz"))
    direction = Direction.load(Path(way), GENERATOR)
    moved = model.pictures(model.moved(record.require(model), direction.z, direction.w, 3.0))
    assert np.array_equal(pixels(names[-1]), np.asarray(sheet(moved, 1)))
    assert not (moved - model.pictures(record.point)).abs().max() < 0.01
    assert done(*edit, "--strength", 3, "--overwrite")[0] == names[-1]
    nearer = Pursuit(model, record.point, direction.w)(3.0)
    assert np.array_equal(pixels(names[-1]), np.asarray(sheet(model.pictures(nearer), 1)))


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


def test_other_methods_find_directions_too(work: Path) -> None:
    np.save("theirs.npy", np.ones((1, 10), np.float32))
    common = ("directions", "--generator", "generator.pt", "--no-preview", "--out", "found")
    assert done(*common, "--method", "sefa", "--components", 1) == ["found/sefa-00.zplus.npz"]
    assert done(*common, "--method", "chase", "--w", "theirs.npy") == ["found/theirs.zplus.npz"]
    assert Direction.load(Path("found/theirs.zplus.npz"), GENERATOR).method == "chase"


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


@pytest.mark.parametrize(
    ("text", "strengths"),
    [
        ("-3:3:11", [-3, -2.4, -1.8, -1.2, -0.6, 0, 0.6, 1.2, 1.8, 2.4, 3]),
        ("2", [2]),
        ("-1.5", [-1.5]),
        ("3:-3:3", [3, 0, -3]),
        ("1:5:1", [1]),
    ],
)
def test_strengths(text: str, strengths: list[float]) -> None:
    assert strengths_of(text) == strengths


@pytest.mark.parametrize(
    "text", ["", "a", "1:2", "1:2:0", "3:-3:0", "1:2:b", "nan", "0:inf:3", "0:1:9999", "1e30", "0:0.001:9", "1:1:2"]
)
def test_no_strengths(text: str) -> None:
    with pytest.raises(UsageError, match="--strength"):
        strengths_of(text)


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
        (_add("x.png", lambda p: Image.new("RGB", (16, 8)).save(p)), ("--resize",), 1, ["16 x 8", "Crop"]),
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


def _arrays(path: str, **arrays: Any) -> None:
    with np.load(path) as file:
        np.savez(path, **{**file, **arrays})


def _nan_code(work: Path) -> None:
    _arrays("inverted/anna.zplus.npz", code=np.full((1, 3, 12), np.nan, np.float32))


def _off_the_sphere(work: Path) -> None:
    _arrays("inverted/anna.zplus.npz", code=np.ones((1, 3, 12), np.float32) * 2)


def _of_another_shape(work: Path) -> None:
    _arrays("inverted/anna.zplus.npz", code=np.ones((1, 4, 12), np.float32))


def _restated(name: str, value: object) -> Callable[[Path], object]:
    def restate(work: Path) -> None:
        with np.load("inverted/anna.zplus.npz") as file:
            about = json.loads(str(file["about"]))
        _arrays("inverted/anna.zplus.npz", about=np.array(json.dumps({**about, name: value})))

    return restate


RECORD = "inverted/anna.zplus.npz"
EDIT = ("edit", RECORD, "--out", "edited")
OWN = ("--generator", "generator.pt")
WAY = ("--direction", "found_generator/ganspace-00.zplus.npz")
OTHER_WAY = ("--direction", "found_other/ganspace-00.zplus.npz")


@pytest.mark.parametrize(
    ("spoil", "options", "status", "parts"),
    [
        (_spoil_nothing, (*OWN, *WAY, "--strength", "1:2"), 2, ["--strength 1:2: expected START:STOP:COUNT"]),
        (_spoil_nothing, ("--generator", "other.pt", *WAY), 1, ["record belongs to the generator"]),
        (_spoil_nothing, (*OWN, "--direction", "found/absent.npz"), 1, ["no direction found/absent.npz"]),
        (_spoil_nothing, (*OWN, "--direction", "inverted/bert.zplus.npz"), 1, ["cannot be read as a direction"]),
        (_spoil_nothing, (*OWN, *OTHER_WAY), 1, ["belongs to the generator", weights_hash(GENERATOR)[:16]]),
        (_nan_code, (*OWN, *WAY), 1, ["inverted/anna.zplus.npz: The code contains NaN"]),
        (_off_the_sphere, (*OWN, *WAY), 1, ["not on the hypersphere"]),
        (_of_another_shape, (*OWN, *WAY), 1, ["shape (1, 4, 12); expected (1, 5, 12)"]),
        (_restated("generator", 5), (*OWN, *WAY), 1, ["its generator is 5"]),
        (_restated("f_resolution", "4"), (*OWN, *WAY), 1, ["its f_resolution is '4'"]),
        (_restated("about", None), (*OWN, *WAY), 1, ["its about is None"]),
        (
            lambda work: Path("inverted/anna.zplus.npz").write_text("x"),
            (*OWN, *WAY),
            1,
            ["cannot be read as the record"],
        ),
        (lambda work: Path("inverted/anna.zplus.npz").unlink(), (*OWN, *WAY), 1, ["There is no record"]),
        (lambda work: Path("edited").write_text("a file"), (*OWN, *WAY), 2, []),
    ],
)
def test_edit_refuses(
    material: Path, spoil: Callable[[Path], object], options: tuple[str, ...], status: int, parts: list[str]
) -> None:
    spoil(material)
    result = zplus(*EDIT, *options)
    if parts:
        refused(result, status, *parts)
    assert result.exit_code == status
    assert not (material / "edited").is_dir()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--method", "chase"), ["go together"]),
        (("--w", "theirs.npy"), ["go together"]),
        (("--method", "interfacegan"), ["needs --scores of this generator's images", "pixels, landmarks, clip"]),
        (("--method", "interfacegan", "--scores", "attributes"), ["drawn portraits"]),
        (("--method", "interfacegan", "--scores", "absent"), ["no scores 'absent'"]),
        (("--method", "interfacegan", "--scores", "pixels", "--text", "old"), ["only for --scores clip, not pixels"]),
        (("--method", "interfacegan", "--scores", "clip", "--text", "old"), ["--against"]),
        (("--method", "interfacegan", "--scores", "a.csv", "--samples", "99"), ["--samples", "its own images"]),
        (("--method", "interfacegan", "--scores", "pixels", "--attribute", "smile"), ["no scores of smile", "tint"]),
        (("--method", "interfacegan", "--scores", "absent.py:mine"), ["no file absent.py"]),
        (("--method", "sefa", "--scores", "pixels"), ["--scores is only for --method interfacegan, not sefa"]),
        (("--method", "interfacegan", "--components", "3"), ["--components", "not interfacegan"]),
        (("--method", "chase", "--w", "theirs.npy", "--components", "3"), ["--components", "not chase"]),
    ],
)
def test_directions_refuses_what_does_not_go_together(work: Path, options: tuple[str, ...], parts: list[str]) -> None:
    refused(zplus("directions", "--generator", "generator.pt", "--out", "found", *options), 2, *parts)
    assert not (work / "found").exists()


def test_a_foreign_direction_that_runs_something_is_refused(work: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (work / "ran",)

    torch.save(Runs(), work / "theirs.pt")
    common = ("directions", "--generator", "generator.pt", "--method", "chase", "--out", "found", "--w")
    refused(zplus(*common, "theirs.pt"), 1, "The direction theirs.pt cannot be read: ")
    assert not (work / "ran").exists() and not (work / "found").exists()


def test_a_foreign_direction_of_complex_numbers_is_refused(work: Path) -> None:
    np.save("theirs.npy", np.full((1, 10), 1 + 2j))
    common = ("directions", "--generator", "generator.pt", "--method", "chase", "--out", "found", "--w")
    refused(zplus(*common, "theirs.npy"), 1, "The direction theirs.npy cannot be read: ", "complex numbers")


@pytest.mark.parametrize("command", ["invert", "edit", "directions"])
def test_a_full_disk_leaves_nothing_behind(material: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    commands = {
        "invert": (*INVERT, "--out", "new"),
        "edit": (*EDIT, *OWN, *WAY, "--out", "new"),
        "directions": ("directions", *OWN, "--components", 2, "--out", "new"),
    }
    saved: list[object] = []

    def full(self: Image.Image | Path, path: Path | bytes, *args: Any, **kwargs: Any) -> None:
        file = self if isinstance(self, Path) else Path(path)
        saved.append(file)
        file.write_text("half a")
        raise OSError(errno.ENOSPC, "No space left on device")

    written = (Path, "write_bytes") if command == "invert" else (Image.Image, "save")
    monkeypatch.setattr(*written, full)
    refused(zplus(*commands[command]), 1, "Cannot write to new: No space left on device")
    assert saved and not (material / "new").exists()


def test_a_full_disk_leaves_earlier_results_alone(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in (material / "inverted").iterdir()}

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    refused(zplus(*INVERT, "--overwrite"), 1, "Cannot write to inverted: No space left")
    assert {path: path.read_bytes() for path in (material / "inverted").iterdir()} == before


def test_codes_that_are_not_numbers_are_not_recorded(model: Model) -> None:
    point = model.start(SPACES["wplus"], 1)
    point.code[0, 0, 0] = torch.nan
    with pytest.raises(RecordError, match="The code contains NaN or inf"):
        PointRecord.of(model, point, {})
    with pytest.raises(RecordError, match="codes of 2 images"):
        PointRecord.of(model, model.start(SPACES["wplus"], 2), {})
