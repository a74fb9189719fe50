"""``zplus edit`` on a tiny generator, after ``directions`` and ``invert``, and all that it refuses."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.commands import GENERATOR, INVERT, done, pixels, zplus
from support.outcome import refused
from zplus_plugins.directions import Direction, Pursuit
from zplus_plugins.directions.edit import strengths_of
from zplus_plugins.errors import UsageError
from zplus_plugins.generators import weights_hash
from zplus_plugins.inversion import Model
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.portraits.networks.files import sheet

pytestmark = pytest.mark.usefixtures("short_chases")


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


def _spoil_nothing(work: Path) -> None:
    pass


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
