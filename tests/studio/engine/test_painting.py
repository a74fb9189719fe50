"""Pictures of scenes: those of ``zplus edit``, bit for bit, and what is measured in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from zplus_plugins.directions import Direction
from zplus_plugins.directions.edits.combination import Combination, Part
from zplus_plugins.directions.edits.making import Making
from zplus_plugins.directions.edits.region import Region
from zplus_plugins.directions.embedded import embedded_directions
from zplus_plugins.hypersphere.mapping import Truncation
from zplus_plugins.inversion import SPACES, Model
from zplus_plugins.metrics import shown
from zplus_plugins.portraits.networks.embedded import embedded_regressor
from zplus_plugins.portraits.networks.regressor import MEASURED, NAMES
from zplus_plugins.studio.engine.changes import Measures
from zplus_plugins.studio.engine.desk import Desk
from zplus_plugins.studio.engine.moves import How
from zplus_plugins.studio.engine.painting import Painter
from zplus_plugins.studio.engine.scene import Scene, SceneError

Z, W = SPACES["f/zplus"], SPACES["f/wplus"]
DIRECTIONS = embedded_directions()


def scene(**parts: Any) -> Scene:
    return Scene.of({"v": 1, "source": {"seed": 3}, "spaces": ["f/wplus", "f/zplus"], **parts})


def smile_of(picture: Tensor) -> float:
    """The smile that the embedded regressor sees, as a share of its range."""
    index = NAMES.index("smile")
    with torch.no_grad():
        value = float(embedded_regressor().attributes(shown(picture[None]))[0, index])
    return value / (MEASURED[index].high - MEASURED[index].low)


EDITS: dict[str, dict[str, Any]] = {
    "local": {"edits": {"smile": 1.3}},
    "global": {"edits": {"smile": -0.7}, "path": "global"},
    "layers": {"edits": {"age": 1.2}, "layers": [2, 6]},
    "several": {"edits": {"smile": 0.8, "age": -1.1}},
    "several, global": {"edits": {"smile": 0.8, "age": -1.1}, "path": "global"},
    "mask": {"edits": {"smile": 1.3}, "mask": {"id": "0f", "feather": 0.1}},
}


@pytest.mark.parametrize("space", ["f/zplus", "f/wplus"])
@pytest.mark.parametrize("kind", EDITS)
def test_pictures_are_those_of_zplus_edit(
    painter: Painter, desk: Desk, write: Callable[..., Path], kind: str, space: str
) -> None:
    portrait = desk.add(write("anna", space))
    asked = scene(source={"portrait": portrait.id}, **EDITS[kind])
    opened = portrait.spaces[space]
    edits = dict(asked.edits)
    alone = len(edits) == 1
    combination = Combination.of([Part(DIRECTIONS[name], None if alone else by) for name, by in edits.items()])
    if asked.layers is not None:
        combination = combination.in_layers(*asked.layers, opened.model.generator.num_layers)
    mask = torch.zeros(64, 64)
    mask[:, :32] = 0.9
    region = None if asked.mask is None else Region("left", mask)
    making = Making(opened.record, opened.model, opened.point, combination, asked.path == "local", region)
    _, expected = making.at(edits.popitem()[1] if alone else 1.0)
    painting = painter.finished(asked, SPACES[space])
    assert torch.equal(painting.looked.picture, expected)
    assert not painting.missing
    assert torch.equal(painter.picture(asked, SPACES[space], 1.0), expected)
    assert not torch.equal(expected, making.unedited)


def test_without_any_waypoint_the_picture_stays(painter: Painter) -> None:
    quick = painter.paint(scene(edits={"smile": 0.5}), Z)
    assert len(quick.missing) == 1
    assert torch.equal(quick.looked.picture, painter.before(scene(), Z).looked.picture)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [([{"smile": 1.0}], {"smile": 1.9}), ([{"smile": 1.0}, {"age": 1.0}], {"smile": 0.8, "age": 1})],
)
def test_while_waypoints_are_missing_a_picture_is_near(
    painter: Painter, found: list[dict[str, float]], wanted: dict[str, float]
) -> None:
    for edits in found:
        painter.finished(scene(edits=edits), Z)
    quick = painter.paint(scene(edits=wanted), Z)
    assert len(quick.missing) == 1
    exact = painter.finished(scene(edits=wanted), Z).looked.picture
    before = painter.before(scene(), Z).looked.picture
    assert 0 < (exact - quick.looked.picture).norm() < 0.6 * (exact - before).norm()
    assert not painter.paint(scene(edits=wanted), W).missing


def test_a_move_after_that_needs_no_waypoint(painter: Painter) -> None:
    painter.finished(scene(edits={"smile": 1.5}), Z)
    for strength in (0.2, 1.0, 1.999, 2.0):
        assert painter.paint(scene(edits={"smile": strength}), Z).missing == ()
    assert len(painter.paint(scene(edits={"smile": 2.1}), Z).missing) == 1
    assert len(painter.paint(scene(edits={"smile": -1.5}), Z).missing) == 2


def test_without_edits_the_picture_is_that_before(painter: Painter) -> None:
    for space in (Z, W):
        assert painter.paint(scene(), space).looked is painter.before(scene(), space).looked


def test_what_a_settled_picture_says_was_measured(painter: Painter) -> None:
    asked = scene(edits={"smile": 1.5})
    painting = painter.finished(asked, Z)
    before = painter.before(asked, Z).looked.picture
    assert painting.change["smile"] == pytest.approx(smile_of(painting.looked.picture) - smile_of(before), abs=1e-5)
    seen = embedded_regressor().identity(shown(torch.stack([before, painting.looked.picture])))
    assert painting.identity == pytest.approx(float(seen[0] @ seen[1]), abs=1e-5)
    assert painting.strengths == {"smile": 1.5}


@pytest.mark.parametrize("wanted", [0.25, -0.2])
def test_at_the_same_change_both_sides_change_alike(painter: Painter, wanted: float) -> None:
    asked = scene(source={"seed": 5}, edits={"yaw": wanted}, lock="change")
    sides = [painter.finished(asked, space) for space in (W, Z)]
    assert [side.change["yaw"] for side in sides] == [pytest.approx(wanted, abs=0.01)] * 2
    assert abs(sides[0].strengths["yaw"] - sides[1].strengths["yaw"]) > 0.05
    assert all(side.at_end == () for side in sides)
    assert painter.strengths(asked, Z) == sides[1].strengths


def test_a_change_that_cannot_be_reached_is_told(painter: Painter) -> None:
    painting = painter.finished(scene(edits={"smile": 5.0}, lock="change"), W)
    assert painting.at_end == ("smile",)
    curve = painter.curve(painting.base, painter.directions["smile"], How(None, True))
    side = [(change, strength) for strength, change in curve.points if strength > 0]
    assert painting.change["smile"] == pytest.approx(max(side)[0], abs=1e-5)
    assert painting.strengths["smile"] == max(side)[1]


def test_truncation_is_the_models(painter: Painter, model: Model) -> None:
    """In Z it is the model's own; in W, codes move toward the mean one."""
    half = Model(model.generator, model.statistics, model.f_resolution, truncation=Truncation(0.5))
    _, point = painter.base(scene(), Z)
    with torch.no_grad():
        assert torch.equal(painter.paint(scene(psi=0.5), Z).looked.picture, half.pictures(point)[0])
    mean = [painter.paint(scene(psi=0, edits={"smile": 2}, path="global"), space).looked.picture for space in (Z, W)]
    assert torch.allclose(*mean, atol=1e-5)
    styles = painter.paint(scene(psi=0.5, spaces=["wplus"]), SPACES["wplus"]).looked.picture
    assert torch.allclose(painter.paint(scene(psi=0.5), SPACES["s"]).looked.picture, styles, atol=1e-4)


def test_a_share_of_an_edit_lies_on_its_path(painter: Painter) -> None:
    half = painter.picture(scene(edits={"smile": 2.0}), Z, 0.5)
    assert torch.equal(half, painter.finished(scene(edits={"smile": 1.0}), Z).looked.picture)


def test_what_is_not_there_is_refused(painter: Painter) -> None:
    with pytest.raises(SceneError, match=r"no direction 'grin' here; expected some of age"):
        painter.paint(scene(edits={"grin": 1}), Z)
    with pytest.raises(SceneError, match="one for all layers"):
        painter.paint(scene(edits={"smile": 1}, layers=[5, 6]), SPACES["z"])
    for layers in ([0, 0], [5, 90]):
        with pytest.raises(SceneError, match="can be edited; expected some of"):
            painter.paint(scene(edits={"smile": 1}, layers=layers), Z)


def test_directions_without_an_attribute_are_measured_by_pixels() -> None:
    measures = Measures(embedded=True)
    smile = DIRECTIONS["smile"]
    assert measures.of(smile).name == "attribute"
    nameless = Direction("g", "ganspace", smile.generator, smile.w, smile.z)
    assert measures.of(nameless).name == "difference"
    bright = Direction("b", "interfacegan", smile.generator, smile.w, smile.z, "brightness", {"scores": "pixels"})
    assert measures.of(bright).name == "brightness"
    assert Measures(embedded=False).of(smile).name == Measures(embedded=False).usual.name == "difference"
