"""What is inverted of a photograph, and the names of what becomes of it; in this process."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.commands import done
from support.marked_faces import UPRIGHT, Marks, drawn
from support.studio import portrait
from zplus_plugins.errors import RequirementError, UsageError
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.photos import Face
from zplus_plugins.photos.photograph import Photograph
from zplus_plugins.records.record import Record
from zplus_plugins.studio.inverting import targets
from zplus_plugins.studio.inverting.options import Order
from zplus_plugins.studio.inverting.photographs import keep
from zplus_plugins.studio.inverting.targets import middle_of, way_of
from zplus_plugins.studio.inverting.unfinished import without_records
from zplus_plugins.studio.inverting.work import Inverting
from zplus_plugins.system.results import Results, results_in

ORDER = Order(steps=2, likeness="none", detector=Marks())
SPACES = ORDER.spaces


class Two(Marks):
    """Finds the marked face, and one more beside it."""

    name = "two"

    def __call__(self, picture: np.ndarray) -> list[Face]:
        points = UPRIGHT * 0.7 + (260, 200)
        return [*super().__call__(picture), Face(points, (230, 180, 290, 250))]


def png(image: Image.Image, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG", **options)
    return content.getvalue()


FACE = png(drawn()[0])


@pytest.fixture(autouse=True)
def nothing_is_opened_twice(monkeypatch: pytest.MonkeyPatch, opened: Inverting) -> Iterator[None]:
    """Every test uses one generator."""
    monkeypatch.setattr(Inverting, "_domain", opened._domain)
    yield


@pytest.fixture(scope="module")
def opened() -> Inverting:
    return Inverting(ORDER, Path())


def inverted(out: Path, photo: Path, order: Order = ORDER) -> list[tuple[str, Any]]:
    """What is told while a photograph is inverted."""
    told: list[tuple[str, Any]] = []
    Inverting(order, out)(photo, lambda kind, what: told.append((kind, what)))
    return told


def records(told: list[tuple[str, Any]]) -> list[str]:
    return [what[0].name for kind, what in told if kind == "record"]


def note(told: list[tuple[str, Any]]) -> str:
    return str(next(what[1] for kind, what in told if kind == "inverting"))


@pytest.mark.parametrize(
    ("size", "align", "drawn", "aligned", "expected"),
    [
        ((1024, 1024), "auto", False, False, "whole"),
        ((1024, 1024), "on", False, False, "faces"),
        ((800, 800), "auto", False, False, "faces"),
        ((800, 800), "auto", False, True, "whole"),
        ((800, 800), "off", False, False, "whole"),
        ((1024, 800), "auto", False, True, "faces"),
        ((1024, 800), "off", False, False, "middle"),
        ((1024, 800), "auto", True, False, "middle"),
        ((800, 800), "auto", True, False, "whole"),
        ((800, 800), "on", True, False, "faces"),
    ],
)
def test_what_is_aligned(size: tuple[int, int], align: Any, drawn: bool, aligned: bool, expected: str) -> None:
    assert way_of(size, align, 1024, drawn, aligned) == expected


def test_a_face_is_cut_out_and_known_to_be_of_its_photograph(tmp_path: Path) -> None:
    photo = keep(tmp_path, "anna.png", FACE)
    told = inverted(tmp_path, photo, replace(ORDER, align="on"))
    assert records(told) == ["anna.f-wplus.zplus.npz", "anna.f-zplus.zplus.npz"]
    assert note(told) == "Aligned by its face (marks)."
    assert {what[1] for kind, what in told if kind == "record"} == {tmp_path / "anna.aligned.png"}
    about = Record.read(tmp_path / "anna.f-zplus.zplus.npz").about
    assert about["picture"] == "anna.aligned.png"
    assert about["alignment"]["photo"] == "anna.png"
    assert about["alignment"]["photo_sha256"] == Photograph.of(photo).sha256
    done("invert", tmp_path / "anna.aligned.png", "--steps", 2, "--likeness", "none", "--out", tmp_path / "by_hand")
    by_hand = tmp_path / "by_hand" / "anna.aligned.zplus.npz"
    assert by_hand.read_bytes() == (tmp_path / "anna.f-zplus.zplus.npz").read_bytes()


def test_each_face_is_a_portrait(tmp_path: Path) -> None:
    photo = keep(tmp_path, "anna.png", FACE)
    told = inverted(tmp_path, photo, replace(ORDER, align="on", detector=Two()))
    assert note(told) == "2 faces, found by two and aligned."
    assert records(told) == [
        f"{name}.{space}.zplus.npz" for name in ("anna", "anna.2") for space in ("f-wplus", "f-zplus")
    ]
    faces = [Record.read(tmp_path / name).about["alignment"]["face"] for name in records(told)]
    assert faces == [1, 1, 2, 2]
    assert told[0][1][0] == 8
    assert [what["step"] for kind, what in told if kind == "step"] == [1, 3, 5, 7]
    assert without_records(tmp_path, SPACES) == []
    (tmp_path / "anna.2.f-zplus.zplus.npz").unlink()
    assert without_records(tmp_path, SPACES) == [photo]


def test_a_photograph_without_a_face_says_what_else_could_be_done(tmp_path: Path) -> None:
    photo = keep(tmp_path, "grey.png", png(Image.new("RGB", (64, 64))))
    with pytest.raises(RequirementError, match=r"marks found no face in it.* Without --align on, square pictures"):
        inverted(tmp_path, photo, replace(ORDER, align="on"))
    assert targets._instead("auto", 256) == (
        "A square picture of 256 pixels is taken as it is, and with --align off every picture is."
    )
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}


def test_the_middle_of_another_picture_is_used(tmp_path: Path) -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 30:70] = 200
    photo = keep(tmp_path, "wide.png", png(Image.fromarray(pixels)))
    assert note(inverted(tmp_path, photo)) == "The square in the middle of 100 x 40 pixels; no face was looked for."
    aligned = np.asarray(Image.open(tmp_path / "wide.aligned.png"))
    assert aligned.shape == (64, 64, 3)
    assert aligned[:, 3:-3].min() >= 199
    alignment = middle_of(Photograph.of(photo), 64)
    assert alignment.quad == ((30, 0), (30, 40), (70, 40), (70, 0))
    assert Record.read(tmp_path / "wide.f-zplus.zplus.npz").about["alignment"] == alignment.plain()


def test_a_square_of_another_size_is_resized_and_says_so(tmp_path: Path) -> None:
    large = Image.open(io.BytesIO(portrait(0))).resize((96, 96))
    photo = keep(tmp_path, "large.png", png(large))
    assert note(inverted(tmp_path, photo)) == "Taken as it is, resized from 96 to 64 pixels."
    done("invert", photo, "--resize", "--steps", 2, "--likeness", "none", "--out", tmp_path / "by_hand")
    by_hand = tmp_path / "by_hand" / "large.zplus.npz"
    assert by_hand.read_bytes() == (tmp_path / "large.f-zplus.zplus.npz").read_bytes()


def test_with_other_settings_nothing_is_replaced(tmp_path: Path) -> None:
    photo = keep(tmp_path, "anna.png", portrait(0))
    first = inverted(tmp_path, photo)
    before = {path.name: path.read_bytes() for path in results_in(tmp_path)}
    again = inverted(tmp_path, photo, replace(ORDER, steps=1))
    assert records(again) == ["anna.2.f-wplus.zplus.npz", "anna.2.f-zplus.zplus.npz"]
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert records(inverted(tmp_path, photo)) == records(first)


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    photo = keep(tmp_path, "anna.png", portrait(0))
    (tmp_path / "anna.f-zplus.zplus.png").write_text("mine")
    assert records(inverted(tmp_path, photo)) == ["anna.2.f-wplus.zplus.npz", "anna.2.f-zplus.zplus.npz"]
    assert (tmp_path / "anna.f-zplus.zplus.png").read_text() == "mine"


def test_what_was_interrupted_is_found_and_goes_on(tmp_path: Path) -> None:
    photo, other = keep(tmp_path, "anna.png", portrait(0)), keep(tmp_path, "bert.png", portrait(1))
    assert without_records(tmp_path, SPACES) == [photo, other]
    whole = {path.name: path.read_bytes() for path in _made(tmp_path, photo)}
    assert without_records(tmp_path, SPACES) == [other]
    with Results(tmp_path) as results:  # as if the process had been killed after the first space
        results.discard(["anna.f-zplus.zplus.npz", "anna.f-zplus.zplus.png"])
    assert without_records(tmp_path, SPACES) == [photo, other]
    assert without_records(tmp_path, ("f/wplus",)) == [other]
    assert next(what for kind, what in inverted(tmp_path, photo) if kind == "inverting")[0] == ORDER.steps
    assert {path.name: path.read_bytes() for path in results_in(tmp_path)} == whole


def _made(out: Path, photo: Path) -> frozenset[Path]:
    inverted(out, photo)
    return results_in(out)


def test_the_preview_is_a_picture_of_the_code(tmp_path: Path, opened: Inverting) -> None:
    photo = keep(tmp_path, "anna.png", portrait(0))
    told = inverted(tmp_path, photo, replace(ORDER, steps=1, spaces=("f/zplus",)))
    (step,) = (what for kind, what in told if kind == "step")
    image = Image.open(io.BytesIO(base64.b64decode(step["preview"].partition(",")[2])))
    final = Image.open(tmp_path / "anna.f-zplus.zplus.png")  # of the same code: there was one step
    assert image.size == final.size
    assert np.abs(np.asarray(image).astype(float) - np.asarray(final)).mean() < 6
    record = PointRecord.load(tmp_path / "anna.f-zplus.zplus.npz")
    assert step["loss"] == pytest.approx(record.about["loss"])
    assert json.dumps(step)
    assert torch.isfinite(record.point.code).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"spaces": ()}, "expected one or more of z, zplus"),
        ({"spaces": ("w", "w")}, "none twice"),
        ({"spaces": ("f/q",)}, "There is no space 'f/q'"),
        ({"steps": 0}, "cannot have 0 steps"),
        ({"align": "maybe"}, "--align maybe: expected one of auto, on, off"),
    ],
)
def test_a_wrong_order_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Order(**wrong)
