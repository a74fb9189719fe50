"""The library: images of every kind in, inversions, edits and files out."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import zplus_plugins as z
from support.commands import GENERATOR, done
from support.marked_faces import Marks, drawn
from zplus_plugins.directions import find_sefa
from zplus_plugins.errors import DirectionError, ImageError, RecordError, RequirementError, UsageError
from zplus_plugins.hypersphere.geometry import sphere_error
from zplus_plugins.inversion import Settings, space_named
from zplus_plugins.inversion import invert as invert_batch
from zplus_plugins.inversion.domain import open_model
from zplus_plugins.inversion.picture_files import checked
from zplus_plugins.library.inverting import Preview
from zplus_plugins.photos.pasting import alignment_of

QUICK: dict[str, Any] = {"steps": 3, "likeness": "none"}
FACES = ("faces/anna.png", "faces/bert.png")


@pytest.fixture
def anna(material: Path) -> z.Inversion:
    return z.invert("faces/anna.png", GENERATOR, **QUICK)


def levels(path: str = "faces/anna.png") -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.asarray(Image.open(path).convert("RGB"), dtype=np.uint8)


def tensor(path: str = "faces/anna.png") -> Tensor:
    return torch.from_numpy(levels(path).copy()).permute(2, 0, 1) / 255 * 2 - 1


@pytest.mark.parametrize(
    "given",
    [
        lambda: "faces/anna.png",
        lambda: Path("faces/anna.png"),
        lambda: Image.open("faces/anna.png"),
        tensor,
        lambda: tensor()[None],
        levels,
        lambda: levels()[None],
        lambda: [Path("faces/anna.png")],
    ],
    ids=["str", "Path", "PIL", "tensor", "batch", "array", "arrays", "list"],
)
def test_an_image_is_taken_as_whatever_it_is(anna: z.Inversion, given: Callable[[], Any]) -> None:
    found = z.invert(given(), GENERATOR, **QUICK)
    assert torch.allclose(found.point.code, anna.point.code, atol=1e-5)
    assert len(found) == 1 and found.losses.shape == (1,)


def test_it_is_what_the_command_finds(anna: z.Inversion) -> None:
    done("invert", "--generator", "generator.pt", "--steps", 3, "--likeness", "none", "--out", "one", "faces/anna.png")
    record = z.PointRecord.load("one/anna.zplus.npz")
    assert torch.equal(record.point.code, anna.point.code)
    assert record.about == anna.about[0]
    assert np.array_equal(np.asarray(Image.open("one/anna.zplus.png")), np.asarray(anna.image()))


@pytest.mark.parametrize("generator", ["generator.pt", Path("generator.pt"), GENERATOR], ids=["str", "Path", "module"])
def test_a_generator_is_taken_as_whatever_it_is(anna: z.Inversion, generator: Any) -> None:
    assert torch.equal(z.invert(FACES[0], generator, device="cpu", **QUICK).point.code, anna.point.code)
    assert torch.equal(z.invert(FACES[0], anna.model, **QUICK).point.code, anna.point.code)


def test_a_generator_in_training_stays_as_it_is(material: Path) -> None:
    trained = copy.deepcopy(GENERATOR).train().requires_grad_(True)
    z.invert(FACES[0], trained, **QUICK)
    assert trained.training and all(p.requires_grad and p.grad is None for p in trained.parameters())


def test_several_images(anna: z.Inversion) -> None:
    both = z.invert("faces", GENERATOR, **QUICK)
    mixed = z.invert([FACES[0], tensor(FACES[1])], GENERATOR, **QUICK)
    assert [len(both), len(mixed), len(both[1:]), len(list(both))] == [2, 2, 1, 2]
    assert torch.allclose(both.point.code, mixed.point.code, atol=1e-5)
    assert both.tensor().shape == (2, 3, 16, 16)
    assert [image.size for image in both.images()] == [(16, 16)] * 2
    assert np.array_equal(np.asarray(both[-1].image()), np.asarray(both.images()[1]))
    assert both[1].sources == (Path(FACES[1]),) and both[1].about[0]["picture"] == "bert.png"
    assert both.loss == pytest.approx(float(both.losses.mean()))
    with pytest.raises(IndexError):
        both[2]
    for one_only in (both.image, lambda: both.save("both.npz")):
        with pytest.raises(UsageError, match=r"of one image, and there are 2"):
            one_only()


def test_batches_are_those_that_are_asked_for(material: Path) -> None:
    steps: list[int] = []
    found = z.invert(list(FACES), GENERATOR, batch=1, **QUICK, on_step=lambda step, *_: steps.append(step))
    alone = [z.invert(face, GENERATOR, **QUICK) for face in FACES]
    assert torch.equal(found.point.code, torch.cat([one.point.code for one in alone]))
    assert steps == [1, 2, 3, 4, 5, 6]


def test_each_step_is_told_with_its_loss_and_a_picture(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, float, Image.Image | None]] = []
    made: list[int] = []
    whole = z.Model.pictures

    def counted(model: z.Model, *args: Any, **kwargs: Any) -> Tensor:
        made.append(torch.is_grad_enabled())
        return whole(model, *args, **kwargs)

    def on_step(step: int, loss: Tensor, preview: Preview) -> None:
        assert isinstance(loss, Tensor) and loss.shape == () and not loss.requires_grad
        told.append((step, float(loss), preview() if step == 3 else None))

    monkeypatch.setattr(z.Model, "pictures", counted)
    found = z.invert(list(FACES), GENERATOR, batch=2, **QUICK, on_step=on_step)
    assert made == [True] * 3 + [False] * 2  # the steps, one preview, and the end
    assert [step for step, _, _ in told] == [1, 2, 3]
    assert told[-1][1] == pytest.approx(found.loss)
    preview = told[-1][2]
    assert preview is not None and preview.size == (32, 16)
    ends = np.concatenate([np.asarray(image) for image in found.images()], axis=1)
    assert np.abs(np.asarray(preview, dtype=int) - ends).max() <= 1
    assert torch.equal(found.point.code, z.invert(list(FACES), GENERATOR, batch=2, **QUICK).point.code)


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (lambda: "nowhere.png", RequirementError, "no image or folder nowhere.png"),
        (lambda: [], RequirementError, "No image was given"),
        (
            lambda: Image.new("RGB", (8, 8)),
            RequirementError,
            r"8 x 8 pixels.* zplus_plugins\.align\(photo, 16\)\. If it is aligned already: --resize, or resize=True",
        ),
        (lambda: Image.new("RGB", (9, 8)), RequirementError, r"9 x 8 pixels.* zplus_plugins\.align\(photo, 16\)"),
        (lambda: Image.new("RGBA", (16, 16)), RequirementError, "partly transparent"),
        (lambda: torch.zeros(3, 8, 8), ImageError, r"shape \(3, 8, 8\).*resize=True"),
        (lambda: torch.zeros(16, 16), ImageError, r"shape \(16, 16\)"),
        (lambda: torch.full((3, 16, 16), 255.0), ImageError, "values up to 255"),
        (lambda: torch.full((3, 16, 16), float("nan")), ImageError, "values up to nan"),
        (lambda: torch.zeros(3, 16, 16, dtype=torch.uint8), ImageError, "uint8"),
        (lambda: np.zeros((16, 16, 3)), ImageError, "array of float64"),
        (lambda: 5, ImageError, "The image is int"),
        (lambda: [5], ImageError, "is int"),
        (lambda: ["faces/anna.png", "a.png", "b.png"], RequirementError, r"a\.png[\s\S]*b\.png"),
    ],
)
@pytest.mark.usefixtures("material")
def test_no_image(image: Callable[[], Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        z.invert(image(), GENERATOR, **QUICK)


def test_how_an_image_was_aligned_is_recorded(anna: z.Inversion) -> None:
    photo, _ = drawn(turn=10)
    photo.save("photo.png")
    aligned = z.align("photo.png", 16, detector=Marks())
    Path("aligned.png").write_bytes(aligned.as_png())
    found = z.invert([aligned, "aligned.png"], GENERATOR, batch=1, **QUICK)
    assert torch.equal(found.point.code[0], found.point.code[1])
    assert not torch.allclose(found.point.code[0], anna.point.code[0], atol=1e-3)
    stated = aligned.alignment.plain()
    assert stated["photo"] == "photo.png" and [one["alignment"] for one in found.about] == [stated] * 2
    edited = found[0].edit(find_sefa(found.model, 1)[0], 3.0)
    edited.save("edited.npz")
    assert z.PointRecord.load("edited.npz").about["alignment"] == stated
    pasted = z.paste("photo.png", alignment_of("edited.npz"), edited.image(), found[0].image())
    inside, before = np.asarray(pasted, dtype=int), np.asarray(photo, dtype=int)
    changed = np.abs(inside - before).max(axis=-1) > 0
    x, y = aligned.alignment.corners.mean(axis=0).astype(int)
    assert changed[y - 20 : y + 20, x - 20 : x + 20].any() and not changed[:, 290:].any()
    with pytest.raises(UsageError, match=r"photo\.png is the image that was inverted"):
        edited.save("photo.png", overwrite=True)
    with pytest.raises(RequirementError, match="64 x 64"):
        z.invert(z.align("photo.png", 64, detector=Marks()), GENERATOR, **QUICK)


def test_a_square_image_is_resized_on_request(material: Path) -> None:
    large = tensor().repeat_interleave(2, 1).repeat_interleave(2, 2)
    found = z.invert([large, Image.open(FACES[0]).resize((40, 40))], GENERATOR, resize=True, **QUICK)
    assert found.tensor().shape == (2, 3, 16, 16)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"space": "q"}, "q"),
        ({"steps": 0}, "0 steps"),
        ({"lr": 0.0}, "learning rate is 0.0"),
        ({"lr": float("nan")}, "learning rate is nan"),
        ({"batch": 0}, "batch cannot have 0"),
        ({"precision": "fp8"}, "fp8"),
        ({"device": "tpu"}, "tpu"),
    ],
)
@pytest.mark.usefixtures("material")
def test_wrong_settings(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        z.invert(FACES[0], GENERATOR, **{**QUICK, **wrong})


def test_edits_follow_one_another(anna: z.Inversion) -> None:
    first, second = find_sefa(anna.model, 2)
    edited = anna.edit(first, 1.5).edit(second, -0.5)
    assert float(sphere_error(edited.point.code)) < 1e-3
    assert edited.point.f is not None and anna.point.f is not None and torch.equal(edited.point.f, anna.point.f)
    assert not torch.allclose(edited.tensor(), anna.tensor(), atol=1e-3)
    assert torch.equal(anna.edit(first, 0.0).point.code, anna.point.code)
    assert [step["directions"][0]["strength"] for step in edited.about[0]["edits"]] == [1.5, -0.5]
    assert "loss" not in edited.about[0] and math.isnan(edited.loss)
    both = anna.edit(first, 1.0, way="global"), anna.edit(first, 1.0)
    assert not torch.equal(both[0].point.code, both[1].point.code)


def test_an_edit_is_that_of_the_command(anna: z.Inversion) -> None:
    anna.save("anna.npz")
    (direction,) = Path("found_generator").glob("*.npz")
    common = ("--generator", "generator.pt", "--strength", 1, "--out", "edited")
    picture, _ = done("edit", "anna.npz", "--direction", direction, *common)
    for given in (direction, str(direction), z.Direction.load(direction)):
        assert np.array_equal(np.asarray(anna.edit(given, 1.0).image()), np.asarray(Image.open(picture)))


def test_several_directions_are_those_of_the_command(anna: z.Inversion) -> None:
    """Added before the code moves, so that their order does not matter; the command's records have the same bits."""
    anna.save("anna.npz")
    first, second = find_sefa(anna.model, 2)
    first.save("first.npz")
    second.save("second.npz")
    words = ("--direction", "first.npz=1.5", "--direction", "second.npz=-2")
    common = ("edit", "anna.npz", "--generator", "generator.pt", *words)
    both: Any = z.invert(list(FACES), GENERATOR, batch=1, **QUICK)
    for way in ("local", "global"):
        written = done(*common, "--way", way, "--out", way)[-1]
        record = z.PointRecord.load(written)
        for several in ({"first.npz": 1.5, "second.npz": -2}, {second: -2.0, first: 1.5}):
            edited = both.edit(several, way=way)
            assert torch.equal(edited[0].point.code, record.point.code)
            anna.edit(several, way=way).save("mine.npz", overwrite=True)
            assert Path("mine.npz").read_bytes() == Path(written).read_bytes()
    one_by_one = anna.edit(first, 1.5, way="global").edit(second, -2, way="global")
    assert not torch.allclose(one_by_one.point.code, record.point.code, atol=1e-4)


def test_records_have_one_list_of_edits(anna: z.Inversion) -> None:
    """Whether the library or the command edits first."""
    for index, direction in enumerate(find_sefa(anna.model, 2)):
        direction.save(f"{index}.npz")
    anna.save("anna.npz")
    anna.edit("0.npz", 1.5).save("first.npz")
    command = ("edit", "--generator", "generator.pt", "--out", "out", "--direction")
    there = done(*command, "1.npz=-2", "first.npz")[-1]
    z.Inversion.load(done(*command, "0.npz=1.5", "anna.npz")[-1], GENERATOR).edit("1.npz", -2.0).save("back.npz")
    assert Path(there).read_bytes() == Path("back.npz").read_bytes()
    record = z.PointRecord.load(there)
    directions = [edit["directions"] for edit in record.about["edits"]]
    assert [(one["name"], one["strength"]) for (one,) in directions] == [("sefa-00", 1.5), ("sefa-01", -2.0)]
    assert record.about["parent"] == z.PointRecord.load("first.npz").digest()
    assert record.about["picture"] == "anna.png" and "inversion" not in record.about


def test_strengths_that_are_none(anna: z.Inversion) -> None:
    first, second = find_sefa(anna.model, 2)
    several: Any
    for several, strength, said in (
        ({first: 1.0, second: 2.0}, 1.0, "with a strength each"),
        ({}, None, "with a strength each"),
        ({first: 1.0, copy.copy(first): 2.0}, None, "sefa-00 is given 2 times"),
        ({first: 1.0, second: math.inf}, None, "strength of sefa-01 is inf; expected -1000 to 1000"),
        (first, math.nan, "strength of sefa-00 is nan"),
        (first, -1001, "-1001"),
    ):
        with pytest.raises(UsageError, match=said):
            anna.edit(several, strength)


def test_edits_that_cannot_be(anna: z.Inversion) -> None:
    (foreign,) = Path("found_other").glob("*.npz")
    for direction, said in ((foreign, "belongs to the generator"), ("grin", "no direction file grin")):
        with pytest.raises(DirectionError, match=said):
            anna.edit(direction)
    with pytest.raises(UsageError, match="no way 'sideways'"):
        anna.edit(foreign, way="sideways")  # type: ignore[arg-type]


def test_what_is_saved_can_be_opened_again(anna: z.Inversion) -> None:
    edited = anna.edit(find_sefa(anna.model, 1)[0], 1.0)
    edited.save("edited.npz")
    edited.save(Path("edited.png"))
    for generator in ("generator.pt", GENERATOR, anna.model):
        again = z.Inversion.load("edited.npz", generator, None)
        assert torch.equal(again.tensor(), edited.tensor())
        assert again.about == edited.about
    anna.save("anna.npz")
    assert z.Inversion.load("anna.npz", GENERATOR).loss == pytest.approx(anna.loss)
    assert np.array_equal(np.asarray(Image.open("edited.png")), np.asarray(edited.image()))
    with pytest.raises(RecordError, match="belongs to the generator"):
        z.Inversion.load("edited.npz", "other.pt")


def test_no_file_is_replaced_by_accident(anna: z.Inversion) -> None:
    before = Path(FACES[0]).read_bytes()
    Path("mine.npz").write_text("mine")
    with pytest.raises(UsageError, match=r"mine\.npz exists\. .*overwrite=True"):
        anna.save("mine.npz")
    for overwrite, said in ((False, "exists"), (True, "the image that was inverted")):
        with pytest.raises(UsageError, match=said):
            anna.edit(find_sefa(anna.model, 1)[0]).save(FACES[0], overwrite=overwrite)
    assert Path(FACES[0]).read_bytes() == before and Path("mine.npz").read_text() == "mine"
    anna.save("mine.npz", overwrite=True)
    assert torch.equal(z.Inversion.load("mine.npz", GENERATOR).point.code, anna.point.code)
    with pytest.raises(UsageError, match="the image that was inverted"):
        z.Inversion.load("mine.npz", GENERATOR).save(FACES[0], overwrite=True)
    odd = {"picture_sha256": [], "alignment": {"photo_sha256": {}}}
    z.Inversion(anna.model, anna.point, anna.losses, [odd], [None]).save("mine.npz", overwrite=True)
    with pytest.raises(UsageError, match=r"anna\.jpg is to be saved; expected \.npz"):
        anna.save("anna.jpg")
    with pytest.raises(RequirementError, match="nowhere"):
        anna.save("nowhere/anna.npz")


def test_the_parts_beneath_are_there_as_before(material: Path) -> None:
    model = open_model("generator.pt")
    pictures, _ = checked([Path(FACES[0])], 16)
    found = invert_batch(model, space_named("zplus"), pictures[:], Settings(steps=3))
    mine = z.invert(FACES[0], "generator.pt", "zplus", device="cpu", **QUICK)
    assert torch.equal(found.point.code, mine.point.code)
