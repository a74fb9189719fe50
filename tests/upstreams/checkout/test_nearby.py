"""A script that was looked for above its folder is found, if an adapter knows exactly one of that name there."""

from __future__ import annotations

from pathlib import Path

import pytest

from zplus_plugins.upstreams import Adapter, Script
from zplus_plugins.upstreams.checkout import nearby
from zplus_plugins.upstreams.checkout.nearby import Nearby, known_below


def adapter(folder: str | None = None, name: str = "toy") -> Adapter:
    scripts = (Script("tools/run.py", folder=folder),)
    return Adapter(name=name, summary="", upstream="", tested_commits=(), markers=("nets.py",), scripts=scripts)


def checkout(root: Path) -> Path:
    (root / "tools").mkdir(parents=True)
    (root / "nets.py").touch()
    (root / "tools" / "run.py").touch()
    return root


RUN = Path("run.py")


def test_it_says_where_to_start_it(tmp_path: Path) -> None:
    checkout(tmp_path / "up" / "Toy")
    assert known_below(tmp_path, RUN, [adapter()]) == Nearby(Path("up/Toy/tools"), RUN, "toy")
    assert known_below(tmp_path / "up" / "Toy", RUN, [adapter()]) == Nearby(Path("tools"), RUN, "toy")
    assert known_below(tmp_path, Path("tools/run.py"), [adapter()]) == Nearby(
        Path("up/Toy"), Path("tools/run.py"), "toy"
    )


def test_a_script_that_must_be_started_elsewhere(tmp_path: Path) -> None:
    checkout(tmp_path / "Toy")
    expected = Nearby(Path("Toy"), Path("tools/run.py"), "toy")
    assert known_below(tmp_path, RUN, [adapter(folder=".")]) == expected


def test_nothing_is_proposed_that_is_not_certain(tmp_path: Path) -> None:
    root = checkout(tmp_path / "Toy")
    assert known_below(tmp_path, Path("absent.py"), [adapter()]) is None
    assert known_below(tmp_path, root / "run.py", [adapter()]) is None  # absolute
    assert known_below(tmp_path, Path("../run.py"), [adapter()]) is None
    checkout(tmp_path / "Another")
    assert known_below(tmp_path, RUN, [adapter()]) is None  # two
    (tmp_path / "Another" / "nets.py").unlink()  # of no known upstream
    assert known_below(tmp_path, RUN, [adapter()]) is not None


def test_links_and_hidden_folders_are_not_followed(tmp_path: Path) -> None:
    checkout(tmp_path / "elsewhere" / "Toy")
    looked = tmp_path / "looked"
    looked.mkdir()
    (looked / "link").symlink_to(tmp_path / "elsewhere")
    (looked / "loop").symlink_to(looked)
    checkout(looked / ".hidden")
    assert known_below(looked, RUN, [adapter()]) is None


def test_the_search_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "a" / "b"
    checkout(deep / "Toy")  # its script lies in the fourth level
    assert known_below(tmp_path, RUN, [adapter()]) == Nearby(Path("a/b/Toy/tools"), RUN, "toy")
    monkeypatch.setattr(nearby, "LEVELS", 3)
    assert known_below(tmp_path, RUN, [adapter()]) is None
    monkeypatch.undo()
    monkeypatch.setattr(nearby, "MOST_FOLDERS", 3)
    assert known_below(tmp_path, RUN, [adapter()]) is None
