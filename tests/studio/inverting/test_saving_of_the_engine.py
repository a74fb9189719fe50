"""Scenes of a desk that are saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.commands import done
from support.studio import portrait
from zplus_plugins.inversion.opening import Models
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.portraits.networks.files import sheet
from zplus_plugins.spaces.spaces import SPACES
from zplus_plugins.studio.engine.desk import Desk
from zplus_plugins.studio.engine.painting import Painter
from zplus_plugins.studio.engine.scene import Scene, SceneError
from zplus_plugins.studio.inverting.masks import Masks
from zplus_plugins.studio.inverting.options import Order
from zplus_plugins.studio.inverting.photographs import keep
from zplus_plugins.studio.inverting.saving import Saving
from zplus_plugins.studio.inverting.work import Inverting

EDIT = {"smile": 1.5}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures that were inverted into F/Z+ alone."""
    folder = tmp_path_factory.mktemp("out")
    inverting = Inverting(Order(steps=2, likeness="none", spaces=("f/zplus",)), folder)
    for n, name in enumerate(("anna.png", "bert.png")):
        inverting(keep(folder, name, portrait(n)), lambda kind, what: None)
    return folder


@pytest.fixture(scope="module")
def desk(out: Path) -> Desk:
    found = Desk(Models(None, "cpu"), out=out)
    for name in ("anna", "bert"):
        found.add(out / f"{name}.f-zplus.zplus.npz", out / "photos" / f"{name}.png")
    return found


@pytest.fixture(scope="module")
def stage(desk: Desk, out: Path) -> Painter:
    return Painter(desk, Masks(out).region)


@pytest.fixture
def saving(out: Path) -> Saving:
    return Saving(out, Masks(out))


def scene(desk: Desk, space: str = "f/zplus", **parts: Any) -> Scene:
    anna = desk.portraits()[0].id
    return Scene.of({"v": 1, "source": {"portrait": anna}, "spaces": [space], "edits": EDIT, **parts})


def steps(record: Path) -> list[str]:
    return [step["step"] for step in PointRecord.load(record).about["made"]]


def test_an_edit_is_that_of_zplus_edit(saving: Saving, stage: Painter, desk: Desk, out: Path, tmp_path: Path) -> None:
    for kind in ("picture", "record"):
        (ours,) = saving.save(stage, scene(desk), {"kind": kind})
        made = done("edit", out / "anna.f-zplus.zplus.npz", "--direction", "smile=1.5", "--out", tmp_path)
        assert ours.read_bytes() == next(Path(file) for file in made if Path(file).name == ours.name).read_bytes()


def test_changes_are_saved_as_the_strengths_that_reach_them(saving: Saving, stage: Painter, desk: Desk) -> None:
    wanted = scene(desk, lock="change", edits={"smile": 0.1})
    (ours,) = saving.save(stage, wanted, {"kind": "record"})
    strength = stage.strengths(wanted, SPACES["f/zplus"])["smile"]
    (edit,) = PointRecord.load(ours).about["edits"]
    assert edit["directions"][0]["strength"] == strength
    assert ours.name == f"anna.f-zplus.smile{strength:+.3f}.zplus.npz"
    assert strength not in (0, 0.1)


def test_the_picture_saved_is_the_picture_shown(saving: Saving, stage: Painter, desk: Desk) -> None:
    for parts in ({}, {"psi": 0.6}, {"walk": {"seed": 1, "radius": 0.3, "turn": 0.5}}):
        shown = scene(desk, **parts)
        (ours,) = saving.save(stage, shown, {"kind": "picture"})
        picture = stage.finished(shown, SPACES["f/zplus"]).looked.picture
        assert np.array_equal(np.asarray(Image.open(ours)), np.asarray(sheet(picture[None], 1)))


def test_a_derived_code_is_edited_as_a_record_of_its_own(
    saving: Saving, stage: Painter, desk: Desk, out: Path, tmp_path: Path
) -> None:
    (ours,) = saving.save(stage, scene(desk, "f/wplus"), {"kind": "picture"})
    base = out / "anna.f-zplus.as.f-wplus.zplus.npz"
    assert ours.name == "anna.f-zplus.as.f-wplus.smile+1.500.zplus.png"
    assert steps(base) == ["map"]
    expected = next(
        Path(f) for f in done("edit", base, "--direction", "smile=1.5", "--out", tmp_path) if f.endswith("png")
    )
    assert ours.read_bytes() == expected.read_bytes()
    mapped, inverted = (
        np.asarray(Image.open(path)) for path in (base.with_suffix(".png"), out / "anna.f-zplus.zplus.png")
    )
    assert np.array_equal(mapped, inverted)
    again = Desk(Models(None, "cpu"), out=out)
    assert again.add(out / "anna.f-zplus.zplus.npz").target == out / "photos" / "anna.png"
    assert again.add(base).id != again.portraits()[0].id  # it does not take the place of an inversion into F/W+


@pytest.mark.parametrize(
    ("parts", "name", "made"),
    [
        ({"toward": {"seed": 3, "share": 0.5}}, "anna.f-zplus.to.seed0000000003.f-zplus.at0.500", ["interpolate"]),
        ({"walk": {"seed": 5, "radius": 0.5, "turn": 0.25}}, "anna.f-zplus.walk5.r0.500.at0.250", ["walk"]),
        ({"mix": {"seed": 3, "layers": [6, 8]}}, "anna.f-zplus.mix.seed0000000003.f-zplus.6-8", ["mix"]),
        ({"source": {"seed": 3}}, "seed0000000003.f-zplus", ["generate"]),
        (
            {"source": {"seed": 3}, "walk": {"seed": 5, "radius": 0.5, "turn": 0.25}},
            "seed0000000003.f-zplus.walk5.r0.500.at0.250",
            ["generate", "walk"],
        ),
    ],
)
def test_every_base_is_a_record_with_its_picture(
    saving: Saving, stage: Painter, desk: Desk, out: Path, parts: dict[str, Any], name: str, made: list[str]
) -> None:
    shown = scene(desk, **parts)
    (ours,) = saving.save(stage, shown, {"kind": "record"})
    assert ours.name == f"{name}.smile+1.500.zplus.npz"
    base = out / f"{name}.zplus.npz"
    assert steps(base) == made
    assert steps(ours) == made
    model, point = stage.base(shown, SPACES["f/zplus"])
    with torch.no_grad():
        picture = np.asarray(sheet(model.pictures(point), 1))
    assert np.array_equal(np.asarray(Image.open(base.with_suffix(".png"))), picture)
    assert torch.equal(PointRecord.load(base).point.code, point.code)


def test_what_is_not_there_is_named(saving: Saving, stage: Painter, desk: Desk) -> None:
    with pytest.raises(SceneError, match="There is no portrait f0"):
        saving.save(stage, scene(desk, source={"portrait": "f0"}), {"kind": "record"})
    with pytest.raises(SceneError, match="has no code in Z"):
        saving.save(stage, scene(desk, "z"), {"kind": "record"})
