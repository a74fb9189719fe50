"""Edits that are saved: those of ``zplus edit``, file for file."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import done
from support.studio import portrait
from zplus_plugins.directions.edits.film import Film
from zplus_plugins.directions.edits.request import Request
from zplus_plugins.errors import RecordError
from zplus_plugins.inversion.opening import Models
from zplus_plugins.studio.inverting.edits import Kind, save_edit
from zplus_plugins.studio.inverting.masks import Masks
from zplus_plugins.studio.inverting.options import Order
from zplus_plugins.studio.inverting.photographs import keep
from zplus_plugins.studio.inverting.work import Inverting

ONE, BOTH = ("smile=1.5",), ("smile=1.5", "age=-2")


@pytest.fixture(scope="module")
def models() -> Models:
    return Models(None, "cpu")


@pytest.fixture(scope="module")
def inverted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the records of a wide photograph."""
    out = tmp_path_factory.mktemp("out")
    wide = Image.open(io.BytesIO(portrait(0))).resize((80, 80))
    photo = Image.new("RGB", (120, 80), "grey")
    photo.paste(wide, (20, 0))
    content = io.BytesIO()
    photo.save(content, "PNG")
    path = keep(out, "anna.png", content.getvalue())
    Inverting(Order(steps=2, likeness="none"), out)(path, lambda kind, what: None)
    return out


def saved(models: Models, out: Path, request: Request, kind: Kind, space: str = "f-zplus") -> Path:
    (file,) = save_edit(models, out / f"anna.{space}.zplus.npz", request, kind, out)
    return file


@pytest.mark.parametrize("space", ["f-zplus", "f-wplus"])
@pytest.mark.parametrize("directions", [ONE, BOTH])
def test_picture_and_record_are_those_of_zplus_edit(
    models: Models, inverted: Path, tmp_path: Path, directions: tuple[str, ...], space: str
) -> None:
    by_hand = [word for wish in directions for word in ("--direction", wish)]
    files = done("edit", inverted / f"anna.{space}.zplus.npz", *by_hand, "--out", tmp_path)
    for kind in ("picture", "record"):
        ours = saved(models, inverted, Request.of(directions, None), kind, space)
        expected = next(Path(file) for file in files if file.endswith(ours.suffix))
        assert ours.name == expected.name
        assert ours.read_bytes() == expected.read_bytes()


def test_layers_way_and_a_mask_are_those_of_zplus_edit(models: Models, inverted: Path, tmp_path: Path) -> None:
    masks = Masks(inverted)
    mask = masks.path(masks.keep(portrait_of_a_mask()))
    request = Request.of(ONE, None, (6, 8), False, str(mask), 0.1)
    ours = saved(models, inverted, request, "picture")
    words = ("--direction", *ONE, "--layers", "6-8", "--way", "global", "--mask", mask, "--feather", 0.1)
    expected = Path(done("edit", inverted / "anna.f-zplus.zplus.npz", *words, "--out", tmp_path)[0])
    assert ours.name == expected.name == f"anna.f-zplus.smile.layers6-8.in.{mask.stem}+1.500.zplus.png"
    assert ours.read_bytes() == expected.read_bytes()


def portrait_of_a_mask() -> bytes:
    content = io.BytesIO()
    levels = np.zeros((64, 64), np.uint8)
    levels[20:40, 20:40] = 255
    Image.fromarray(levels).save(content, "PNG")
    return content.getvalue()


def test_a_film_goes_from_before_to_the_edit_and_back(models: Models, inverted: Path, tmp_path: Path) -> None:
    request = Request.of(ONE, None, film=Film("gif", 4, 10, back=True))
    ours = saved(models, inverted, request, "video")
    words = ("--direction", *ONE, "--video", "gif", "--frames", 4, "--fps", 10, "--loop")
    expected = done("edit", inverted / "anna.f-zplus.zplus.npz", *words, "--out", tmp_path)[-1]
    assert ours.read_bytes() == Path(expected).read_bytes()
    with Image.open(ours) as film:
        assert film.n_frames == 6


def test_an_edit_is_put_into_the_photograph(models: Models, inverted: Path, tmp_path: Path) -> None:
    ours = saved(models, inverted, Request.of(ONE, None, paste="auto"), "pasted")
    words = ("--direction", *ONE, "--paste", "auto", "--out", tmp_path)
    expected = done("edit", inverted / "anna.f-zplus.zplus.npz", *words)[-1]
    assert ours.name == "anna.f-zplus.smile+1.500.pasted.zplus.png"
    assert ours.read_bytes() == Path(expected).read_bytes()
    pasted, photo = (np.asarray(Image.open(path)) for path in (ours, inverted / "photos" / "anna.png"))
    assert np.array_equal(pasted[:, :20], photo[:, :20])
    assert (pasted[:, 20:100] != photo[:, 20:100]).any()


def test_what_was_saved_before_is_left_and_other_results_get_other_names(models: Models, inverted: Path) -> None:
    request = Request.of(("age=1.25",), None)
    first = saved(models, inverted, request, "picture")
    before = first.stat().st_mtime_ns
    assert saved(models, inverted, request, "picture") == first
    assert first.stat().st_mtime_ns == before
    other = saved(models, inverted, replace(request, local=False), "picture")
    assert other.name == "anna.f-zplus.age+1.250.2.zplus.png"
    assert saved(models, inverted, replace(request, local=False), "record").name == "anna.f-zplus.age+1.250.2.zplus.npz"
    assert saved(models, inverted, request, "picture") == first


def test_a_file_of_somebody_else_is_left_alone(models: Models, inverted: Path) -> None:
    mine = inverted / "anna.f-zplus.yaw+0.500.zplus.png"
    mine.write_text("mine")
    assert saved(models, inverted, Request.of(("yaw=0.5",), None), "picture").name.endswith("+0.500.2.zplus.png")
    assert mine.read_text() == "mine"


def test_an_edit_of_an_edit_has_no_photograph(models: Models, inverted: Path) -> None:
    edited = saved(models, inverted, Request.of(ONE, None), "record")
    with pytest.raises(RecordError, match="is the record of an edit"):
        save_edit(models, edited, Request.of(ONE, None, paste="auto"), "pasted", inverted)
