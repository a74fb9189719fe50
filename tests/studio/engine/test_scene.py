"""Scenes from pages, which may send anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zplus_plugins.studio.engine.scene import Mix, Scene, SceneError, Source, Toward

LEAST = {"v": 1, "source": {"seed": 3}, "spaces": ["f/wplus", "f/zplus"]}
WHOLE = {
    "v": 1,
    "source": {"portrait": "0123456789ab"},
    "spaces": ["f/zplus"],
    "edits": {"smile": 1.5, "age": -2},
    "lock": "change",
    "path": "global",
    "layers": [3, 7],
    "toward": {"seed": 5, "share": 0.25},
    "mix": {"portrait": "ff", "layers": [4, 6]},
    "walk": {"seed": 1, "radius": 0.5, "turn": 0.75},
    "psi": 0.7,
    "mask": {"id": "00ff", "feather": 0.1},
}


def test_a_scene_has_defaults() -> None:
    scene = Scene.of(LEAST)
    assert scene == Scene(Source(seed=3), ("f/wplus", "f/zplus"))
    assert (scene.lock, scene.path, scene.psi, scene.edits) == ("strength", "local", 1.0, ())


@pytest.mark.parametrize("plain", [LEAST, WHOLE])
def test_a_scene_survives_a_link(plain: dict[str, Any]) -> None:
    scene = Scene.of(plain)
    assert Scene.of(json.loads(json.dumps(scene.plain()))) == scene


def test_a_scene_holds_what_was_asked_for() -> None:
    scene = Scene.of(WHOLE)
    assert scene.edits == (("smile", 1.5), ("age", -2.0))
    assert scene.toward == Toward(Source(seed=5), 0.25)
    assert scene.mix == Mix(Source("ff"), 4, 6)
    assert scene.layers == (3, 7)


def test_edits_of_zero_are_none() -> None:
    assert Scene.of({**LEAST, "edits": {"smile": 0, "age": -0.0}}) == Scene.of(LEAST)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"v": 2}, "v is 2"),
        ({"v": True}, "v is True"),
        ({"more": 1}, "field more"),
        ({"x" * 9999: 1}, "field xxxx"),
        ({"source": {}}, "neither or both"),
        ({"source": {"seed": 1, "portrait": "a"}}, "neither or both"),
        ({"source": {"seed": -1}}, "source.seed is -1"),
        ({"source": {"seed": 2**32}}, "source.seed is 4294967296"),
        ({"source": {"seed": 1.0}}, "source.seed is 1.0"),
        ({"source": {"seed": True}}, "source.seed is True"),
        ({"source": {"seed": 10**5000}}, "too many digits"),
        ({"source": {"portrait": "../etc"}}, "source.portrait is '../etc'"),
        ({"source": {"portrait": "A" * 4}}, "source.portrait is 'AAAA'"),
        ({"source": {"portrait": "a" * 65}}, "source.portrait"),
        ({"source": {"seed": 1, "more": 2}}, "source.more"),
        ({"spaces": []}, "spaces is []"),
        ({"spaces": ["w", "w"]}, "spaces"),
        ({"spaces": ["x"]}, "spaces"),
        ({"spaces": [["w"]]}, "spaces"),
        ({"spaces": "w"}, "spaces"),
        ({"edits": {"smile": float("nan")}}, "edits"),
        ({"edits": {"smile": float("inf")}}, "edits"),
        ({"edits": {"smile": 1001}}, "edits"),
        ({"edits": {"smile": "1"}}, "edits"),
        ({"edits": {"smile": True}}, "edits"),
        ({"edits": {"": 1}}, "edits"),
        ({"edits": {"a" * 101: 1}}, "edits"),
        ({"edits": {str(n): 1 for n in range(33)}}, "edits"),
        ({"edits": {"smile": 10**400}}, "edits"),
        ({"lock": "none"}, "lock is 'none'"),
        ({"lock": ["strength"]}, "lock"),
        ({"path": None}, "path is None"),
        ({"layers": [5, 2]}, "layers is [5, 2]"),
        ({"layers": [0, 256]}, "layers"),
        ({"layers": [0.0, 1.0]}, "layers"),
        ({"toward": {"seed": 1}}, "toward.share is missing"),
        ({"toward": {"seed": 1, "share": 1.1}}, "toward.share is 1.1"),
        ({"mix": {"seed": 1, "layers": None}}, "mix.layers is None"),
        ({"walk": {"seed": 1, "radius": 0, "turn": 0}}, "walk.radius is 0"),
        ({"walk": {"seed": 1, "radius": 3.2, "turn": 0}}, "walk.radius is 3.2"),
        ({"psi": float("nan")}, "psi is nan"),
        ({"psi": -0.1}, "psi is -0.1"),
        ({"mask": {"id": "0f", "feather": 0.3}}, "mask.feather is 0.3"),
        ({"mask": {"id": "0f/../1", "feather": 0}}, "mask.id"),
    ],
)
def test_what_is_no_scene_is_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(SceneError) as caught:
        Scene.of({**LEAST, **changes})
    assert named in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("plain", [None, 3, "scene", [LEAST], {}, {"v": 1, "source": {"seed": 1}}])
def test_something_else_is_refused(plain: Any) -> None:
    with pytest.raises(SceneError):
        Scene.of(plain)
