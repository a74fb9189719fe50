"""Settings that are module attributes: --set, checked before anything is imported, undone afterwards."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zplus_plugins.errors import UsageError
from zplus_plugins.upstreams import Journal
from zplus_plugins.upstreams.adapter.description import Settings
from zplus_plugins.upstreams.script.settings import read_assignments, watch_settings

SETTINGS = Settings(modules=("zpt_configs.paths", "zpt_configs.hyper"), gates=("zpt_coach:Coach.__init__",))
HYPER = "steps = 350\nlr = 3e-4\nuse_last = False\nkind = 'w'\nnothing = None\ncomputed = 3 * steps\n"

COACH = """\
from zpt_configs import hyper, paths
class Coach:
    def __init__(self, x):
        self.x = (x, hyper.steps)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "zpt_configs").mkdir()
    (tmp_path / "zpt_configs" / "__init__.py").touch()
    (tmp_path / "zpt_configs" / "hyper.py").write_text(HYPER)
    (tmp_path / "zpt_configs" / "paths.py").write_text("# comment\nimages = './images'\n_private = 1\n")
    (tmp_path / "zpt_coach.py").write_text(COACH)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("zpt_")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("zpt_configs.hyper.steps=5", 5),
        ("zpt_configs.hyper.lr=1", 1.0),
        ("zpt_configs.hyper.lr=1e-2", 0.01),
        ("zpt_configs.hyper.use_last=True", True),
        ("zpt_configs.hyper.kind=w+", "w+"),
        ("zpt_configs.hyper.kind='w+'", "w+"),
        ("zpt_configs.hyper.nothing=[1, 2]", [1, 2]),
        ("zpt_configs.hyper.computed=free text", "free text"),
        ("zpt_configs.paths.images=/data/a=b", "/data/a=b"),
    ],
)
def test_values_take_the_type_of_the_setting(root: Path, text: str, value: Any) -> None:
    (assignment,) = read_assignments(SETTINGS, root, [text])
    assert assignment.value == value
    assert type(assignment.value) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zpt_configs.hyper.step=5", r"'step'\. Did you mean steps\? .* steps, lr, use_last, kind"),
        ("zpt_configs.other.steps=5", r" in zpt_configs.paths, zpt_configs.hyper, not in zpt_configs.other"),
        ("steps=5", r"expected module\.name=value"),
        ("zpt_configs.hyper.steps", r"expected module\.name=value"),
        ("zpt_configs.hyper.steps=many", r"expected a value of type int, such as 350"),
        ("zpt_configs.hyper.steps=True", r"expected a value of type int"),
        ("zpt_configs.hyper.use_last=1", r"expected a value of type bool, such as False"),
    ],
)
def test_mistakes_are_told_before_anything_is_imported(root: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_assignments(SETTINGS, root, [text])
    assert not [name for name in sys.modules if name.startswith("zpt_")]


def test_scripts_with_a_command_line_take_no_settings(root: Path) -> None:
    with pytest.raises(UsageError, match=r"--set a\.b=1: .* after the script"):
        read_assignments(None, root, ["a.b=1"])


def test_settings_are_set_checked_at_the_gate_and_given_back(root: Path) -> None:
    checked: list[dict[str, Any]] = []

    def made(name: str, caller: Path) -> Any:
        """What the coach of a name has, made by code of a file."""
        scope: dict[str, Any] = {"coach": coach}
        exec(compile(f"x = coach.Coach({name!r}).x", str(caller), "exec"), scope)
        return scope["x"]

    with Journal() as journal:
        assignments = read_assignments(SETTINGS, root, ["zpt_configs.hyper.steps=5"])
        watch_settings(journal, SETTINGS, root, assignments, checked.append)
        coach = importlib.import_module("zpt_coach")
        made("library", root.parent / "elsewhere" / "library.py")  # which is not the script's business
        assert checked == []
        assert made("a", root / "script.py") == ("a", 5)
        made("b", root / "script.py")
        (found,) = checked
        assert (found["steps"], found["images"], found["kind"]) == (5, "./images", "w")
        assert "_private" not in found
    assert made("c", root / "script.py") == ("c", 350)
    assert len(checked) == 1


def test_defaults_give_way_to_what_is_set(root: Path) -> None:
    def defaults() -> dict[str, Any]:
        return {"steps": 7, "kind": "z", "unknown": 1}

    with Journal() as journal:
        assignments = read_assignments(SETTINGS, root, ["zpt_configs.hyper.steps=5"])
        watch_settings(journal, SETTINGS, root, assignments, dict, defaults)
        hyper = importlib.import_module("zpt_configs.hyper")
        assert (hyper.steps, hyper.kind, hyper.lr) == (5, "z", 3e-4)
        assert not hasattr(hyper, "unknown")
    assert (hyper.steps, hyper.kind) == (350, "w")


def test_settings_may_be_in_a_folder_to_import_from(root: Path, tmp_path: Path) -> None:
    text = "zpt_configs.hyper.steps=5"
    (assignment,) = read_assignments(SETTINGS, tmp_path.parent, [text], [tmp_path.name])
    assert assignment.value == 5
