"""The codes of scenes before their edits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from zplus_plugins.inversion import SPACES, Model
from zplus_plugins.spaces.paths import between, loop, random_points
from zplus_plugins.studio.engine.bases import Bases
from zplus_plugins.studio.engine.desk import Desk
from zplus_plugins.studio.engine.scene import Scene, SceneError

ALL = [name for name in SPACES if name not in ("s", "f/s")]
SPACE = SPACES["f/zplus"]


def scene(**parts: Any) -> Scene:
    return Scene.of({"v": 1, "source": {"seed": 3}, "spaces": ["f/zplus"], **parts})


@pytest.mark.parametrize("name", list(SPACES))
def test_a_seed_has_the_picture_of_zplus_generate_in_every_space(desk: Desk, model: Model, name: str) -> None:
    with torch.no_grad():
        expected = model.pictures(next(random_points(model, [3])))
        point = Bases(desk).of(scene(), SPACES[name]).point
        assert point.space.name == name
        assert torch.allclose(model.pictures(point), expected, atol=1e-4)


def test_codes_go_toward_others(desk: Desk) -> None:
    bases = Bases(desk)
    start, end = (bases.of(scene(source={"seed": seed}), SPACE).point for seed in (3, 5))
    found = bases.of(scene(toward={"seed": 5, "share": 0.25}), SPACE).point
    assert torch.equal(found.code, between(start, end, 0.25).code)
    whole = bases.of(scene(toward={"seed": 5, "share": 1}), SPACE).point
    assert torch.equal(whole.code, end.code)
    assert torch.equal(whole.f, end.f)


def test_layers_are_mixed(desk: Desk, model: Model) -> None:
    bases, own = Bases(desk), model.first_layer(SPACE)
    start, other = (bases.of(scene(source={"seed": seed}), SPACE).point for seed in (3, 5))
    found = bases.of(scene(mix={"seed": 5, "layers": [0, own + 1]}), SPACE).point
    assert torch.equal(found.code[:, :2], other.code[:, :2])
    assert torch.equal(found.code[:, 2:], start.code[:, 2:])
    assert torch.equal(found.f, start.f)


def test_a_walk_is_the_loop_of_zplus_walk(desk: Desk, model: Model) -> None:
    bases = Bases(desk)
    start = bases.of(scene(), SPACE).point
    frames = list(loop(model, start, 0.5, 4, seed=7))
    for turn, frame in zip((0, 0.25, 0.5, 0.75, 1), (*frames, start), strict=True):
        found = bases.of(scene(walk={"seed": 7, "radius": 0.5, "turn": turn}), SPACE).point
        assert torch.equal(found.code, frame.code)
    angle = torch.nn.functional.cosine_similarity(start.code, frames[2].code, dim=-1).acos()
    assert torch.allclose(angle, torch.full_like(angle, 0.5), atol=1e-3)


def test_the_order_is_toward_mix_walk(desk: Desk, model: Model) -> None:
    bases, space = Bases(desk), SPACES["wplus"]
    parts = {"toward": {"seed": 5, "share": 0.5}, "mix": {"seed": 6, "layers": [2, 4]}}
    codes = {seed: bases.of(scene(source={"seed": seed}), space).point.code for seed in (3, 5, 6)}
    expected = torch.lerp(codes[3], codes[5], 0.5)
    expected[:, 2:5] = codes[6][:, 2:5]
    assert torch.equal(bases.of(scene(**parts), space).point.code, expected)


def test_bases_are_told_apart(desk: Desk) -> None:
    bases = Bases(desk)
    walk = {"seed": 1, "radius": 0.5, "turn": 0.5}
    scenes = [
        scene(),
        scene(source={"seed": 4}),
        scene(toward={"seed": 4, "share": 0.5}),
        scene(toward={"seed": 4, "share": 0.6}),
        scene(mix={"seed": 4, "layers": [5, 6]}),
        scene(walk=walk),
        scene(walk={**walk, "turn": 0.6}),
    ]
    keys = [bases.of(one, SPACES[name]).key for one in scenes for name in ("f/zplus", "f/wplus")]
    assert len(set(keys)) == len(keys)
    assert bases.of(scene(edits={"smile": 1}), SPACE) is bases.of(scene(), SPACE)


def test_what_does_not_go_together_is_refused(desk: Desk, write: Callable[..., Path]) -> None:
    portrait = desk.add(write("anna", "w"))
    bases = Bases(desk)
    with pytest.raises(SceneError, match=r"anna has no code in F/Z\+; it has W\."):
        bases.of(scene(source={"portrait": portrait.id}), SPACE)
    with pytest.raises(SceneError, match="no portrait"):
        bases.of(scene(toward={"portrait": "00", "share": 0.5}), SPACE)
    with pytest.raises(SceneError, match="no layers to mix"):
        bases.of(scene(mix={"seed": 4, "layers": [5, 6]}), SPACES["z"])
    with pytest.raises(SceneError, match="no codes to mix"):
        bases.of(scene(mix={"seed": 4, "layers": [0, 0]}), SPACE)
    with pytest.raises(SceneError, match="no codes to mix"):
        bases.of(scene(mix={"seed": 4, "layers": [50, 60]}), SPACE)
