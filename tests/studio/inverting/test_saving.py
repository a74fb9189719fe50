"""Scenes that are saved, by a stage that holds one portrait in two spaces and another one."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from support.commands import done
from support.studio import portrait
from zplus_plugins.directions import Direction
from zplus_plugins.directions.embedded import embedded_directions
from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.inversion import Model, Point, Space
from zplus_plugins.inversion.opening import Models
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.spaces.paths import between
from zplus_plugins.studio.engine.scene import Scene, SceneError, Source
from zplus_plugins.studio.inverting import saving as module
from zplus_plugins.studio.inverting.masks import Masks
from zplus_plugins.studio.inverting.options import Order
from zplus_plugins.studio.inverting.photographs import keep
from zplus_plugins.studio.inverting.saving import Saving, What
from zplus_plugins.studio.inverting.work import Inverting
from zplus_plugins.system.results import results_in

ANNA, BERT = "a" * 12, "b" * 12
NAMES = {ANNA: "anna", BERT: "bert"}


@dataclass(frozen=True)
class Opened:
    path: Path
    record: PointRecord
    model: Model
    point: Point


class Stage:
    """Shows records of a folder."""

    def __init__(self, out: Path) -> None:
        self._out, self.models = out, Models(None, "cpu")

    @property
    def directions(self) -> Mapping[str, Direction]:
        return embedded_directions()

    def opened(self, source: Source, space: Space) -> Opened:
        path = self._out / f"{NAMES[str(source.portrait)]}.{space.name.replace('/', '-')}.zplus.npz"
        record = PointRecord.load(path)
        model = self.models.of(record, path)
        return Opened(path, record, model, record.require(model))

    def _code(self, source: Source, space: Space) -> tuple[Model, Point]:
        if source.portrait is None:
            model = self.models.usual
            return model, model.start(space, 1, seed=source.seed)
        opened = self.opened(source, space)
        return opened.model, opened.point

    def base(self, scene: Scene, space: Space) -> tuple[Model, Point]:
        model, point = self._code(scene.source, space)
        if scene.toward is not None:
            point = between(point, self._code(scene.toward.source, space)[1], scene.toward.share)
        return model, point

    def strengths(self, scene: Scene, space: Space) -> Mapping[str, float]:
        factor = 1.23456 if scene.lock == "change" else 1
        return {name: value * factor for name, value in scene.edits}

    def picture(self, scene: Scene, space: Space, share: float) -> Tensor:
        return torch.full((3, 64, 64), share)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    inverting = Inverting(Order(steps=2, likeness="none"), folder)
    wide = np.asarray(Image.open(io.BytesIO(portrait(0))).resize((90, 60)))
    content = io.BytesIO()
    Image.fromarray(wide).save(content, "PNG")
    for name, given in (("anna.png", content.getvalue()), ("bert.png", portrait(1))):
        inverting(keep(folder, name, given), lambda kind, what: None)
    return folder


@pytest.fixture(scope="module")
def stage(out: Path) -> Stage:
    return Stage(out)


@pytest.fixture
def saving(out: Path) -> Saving:
    return Saving(out, Masks(out))


def scene(**parts: Any) -> Scene:
    plain = {"v": 1, "source": {"portrait": ANNA}, "spaces": ["f/zplus", "f/wplus"], **parts}
    return Scene.of(plain)


SMILE = {"edits": {"smile": 1.5}}


@pytest.mark.parametrize("space", ["f/zplus", "f/wplus"])
@pytest.mark.parametrize("kind", ["picture", "record"])
def test_a_scene_of_a_record_is_saved_as_zplus_edit_does_it(
    saving: Saving, stage: Stage, out: Path, tmp_path: Path, space: str, kind: str
) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[8:20] = 255
    content = io.BytesIO()
    Image.fromarray(mask).save(content, "PNG")
    masks = Masks(out)
    id = masks.keep(content.getvalue())
    parts = {"edits": {"smile": 1.5, "age": -1}, "layers": [6, 9], "mask": {"id": id, "feather": 0.1}}
    (ours,) = saving.save(stage, scene(**parts), {"kind": kind, "space": space})
    words = ("--direction", "smile=1.5", "--direction", "age=-1", "--layers", "6-9", "--mask", masks.path(id))
    record = out / f"anna.{space.replace('/', '-')}.zplus.npz"
    made = done("edit", record, *words, "--feather", 0.1, "--out", tmp_path)
    expected = next(Path(file) for file in made if file.endswith(ours.suffix))
    assert ours.name == expected.name
    assert ours.read_bytes() == expected.read_bytes()


def test_the_same_change_is_saved_with_the_strength_that_reached_it(saving: Saving, stage: Stage) -> None:
    (record,) = saving.save(stage, scene(**SMILE, lock="change"), {"kind": "record"})
    assert record.name == "anna.f-zplus.smile+1.852.zplus.npz"
    (edit,) = PointRecord.load(record).about["edits"]
    assert edit["directions"][0]["strength"] == 1.852


def test_a_film_of_a_scene_goes_there_and_back(
    saving: Saving, stage: Stage, tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRAMES", 5)
    (film,) = saving.save(stage, scene(**SMILE), {"kind": "video", "format": "gif"})
    words = ("--direction", "smile=1.5", "--video", "gif", "--frames", 5, "--loop", "--out", tmp_path)
    assert film.read_bytes() == Path(done("edit", out / "anna.f-zplus.zplus.npz", *words)[-1]).read_bytes()


def test_an_edit_is_put_into_the_photograph_that_is_kept(saving: Saving, stage: Stage, out: Path) -> None:
    (pasted,) = saving.save(stage, scene(**SMILE), {"kind": "pasted"})
    photo = np.asarray(Image.open(out / "photos" / "anna.png"))
    changed = (np.asarray(Image.open(pasted)) != photo).any(axis=(0, 2))
    assert not changed[:15].any()
    assert changed[15:75].any()
    with pytest.raises(RecordError, match="does not say how its image was cut out of a photograph"):
        saving.save(stage, scene(**SMILE, source={"portrait": BERT}), {"kind": "pasted"})


def test_without_an_edit_it_is_the_inversion(saving: Saving, stage: Stage, out: Path) -> None:
    before = results_in(out)
    assert saving.save(stage, scene(), {"kind": "record"}) == [out / "anna.f-zplus.zplus.npz"]
    assert saving.save(stage, scene(edits={"smile": 0.0004}), {"kind": "picture", "space": "f/wplus"}) == [
        out / "anna.f-wplus.zplus.png"
    ]
    assert results_in(out) == before
    for kind in ("video", "pasted"):
        with pytest.raises(UsageError, match=f"no edit to save as a {kind}"):
            saving.save(stage, scene(), {"kind": kind})


def test_the_picture_of_a_record_from_elsewhere_is_its_own(stage: Stage, out: Path, tmp_path: Path) -> None:
    saving = Saving(tmp_path, Masks(tmp_path))
    (picture,) = saving.save(stage, scene(), {"kind": "picture"})
    assert picture == tmp_path / "anna.f-zplus.before.zplus.png"
    assert picture.read_bytes() == (out / "anna.f-zplus.zplus.png").read_bytes()
    assert saving.save(stage, scene(), {"kind": "picture"}) == [picture]


def test_what_is_done_before_the_edits_is_a_record_of_its_own(
    saving: Saving, stage: Stage, out: Path, tmp_path: Path
) -> None:
    parts = {"toward": {"portrait": BERT, "share": 0.3}}
    (ours,) = saving.save(stage, scene(**SMILE, **parts), {"kind": "record"})
    base = out / "anna.f-zplus.to.bert.f-zplus.at0.300.zplus.npz"
    expected = [Path(file) for file in done("edit", base, "--direction", "smile=1.5", "--out", tmp_path)]
    assert ours.read_bytes() == next(path for path in expected if path.name == ours.name).read_bytes()
    record, anna, bert = (
        PointRecord.load(path) for path in (base, *(out / f"{n}.f-zplus.zplus.npz" for n in ("anna", "bert")))
    )
    assert record.about["made"] == [{"step": "interpolate", "to": {"record": bert.digest()}, "share": 0.3}]
    assert record.about["parent"] == anna.digest()
    assert {"picture", "alignment", "loss"}.isdisjoint(record.about)
    model, point = stage.base(scene(**parts), record.point.space)
    with torch.no_grad():
        picture = np.asarray(sheet(model.pictures(point), 1))
    assert np.array_equal(np.asarray(Image.open(base.with_suffix(".png"))), picture)
    assert saving.save(stage, scene(**parts), {"kind": "record"}) == [base]
    assert saving.save(stage, scene(**parts), {"kind": "picture"}) == [base.with_suffix(".png")]
    closer = {"toward": {"portrait": BERT, "share": 0.3001}}  # of the same name
    assert saving.save(stage, scene(**closer), {"kind": "record"})[0].name == base.name.replace("300", "300.2")


def test_a_seed_is_a_record_of_its_own(saving: Saving, stage: Stage, out: Path) -> None:
    (record,) = saving.save(stage, scene(source={"seed": 7}, spaces=["zplus"]), {"kind": "record"})
    assert record == out / "seed0000000007.zplus.zplus.npz"
    assert PointRecord.load(record).about["made"] == [{"step": "generate", "seed": 7}]


def test_a_truncated_picture_is_no_code(saving: Saving, stage: Stage) -> None:
    (picture,) = saving.save(stage, scene(**SMILE, psi=0.7), {"kind": "picture"})
    assert picture.name == "anna.f-zplus.smile+1.500.psi0.700.zplus.png"
    assert (np.asarray(Image.open(picture)) == 255).all()
    (film,) = saving.save(stage, scene(**SMILE, psi=0.7), {"kind": "video", "format": "gif"})
    with Image.open(film) as frames:
        assert frames.n_frames == 118
    for kind in ("record", "pasted"):
        with pytest.raises(RecordError, match=r"With the truncation 0\.700, .* a code in F/Z\+"):
            saving.save(stage, scene(**SMILE, psi=0.7), {"kind": kind})


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ([], "not an object with kind, space and format"),
        ({"kind": "picture", "path": "/etc"}, "not an object with kind, space and format"),
        ({}, "None cannot be saved; expected one of picture, record, video, pasted"),
        ({"kind": "picture", "space": "w"}, "does not show the space 'w'; it shows f/zplus, f/wplus"),
        ({"kind": "picture", "space": ["w"]}, "does not show the space"),
        ({"kind": "picture", "format": "exe"}, "A picture cannot be saved as 'exe'; expected png"),
        ({"kind": "video", "format": "x" * 1000}, "A video cannot be saved as 'x{39}; expected mp4, gif, webp"),
    ],
)
def test_what_is_not_there_to_be_saved_is_named(saving: Saving, stage: Stage, what: Any, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        saving.save(stage, scene(**SMILE), what)


def test_a_mask_that_is_gone_is_named(saving: Saving, stage: Stage) -> None:
    with pytest.raises(UsageError, match=r"There is no mask '0{16}'"):
        saving.save(stage, scene(**SMILE, mask={"id": "0" * 16, "feather": 0}), {"kind": "picture"})


def test_a_film_has_a_usual_format() -> None:
    assert What.of({"kind": "video"}, scene()).format in ("mp4", "webp")
