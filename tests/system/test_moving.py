"""A file is given a name that nothing has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zplus_plugins.system.files import moved_to_free


@pytest.fixture(params=["with links", "without links"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file, in a file system of either kind."""
    if request.param == "without links":

        def refuse(*paths: Path) -> None:
            raise PermissionError

        monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "new").write_text("new")
    return tmp_path / "new"


def test_a_file_is_moved_to_a_name_that_is_free(file: Path, tmp_path: Path) -> None:
    assert moved_to_free(file, tmp_path / "free")
    assert (tmp_path / "free").read_text() == "new"
    assert not file.exists()


@pytest.mark.parametrize("kind", ["file", "folder", "link to nothing"])
def test_what_is_there_stays(file: Path, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "there"
    if kind == "file":
        target.write_text("old")
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    assert not moved_to_free(file, target)
    assert file.read_text() == "new"
    assert not (tmp_path / "nowhere").exists()
    assert kind != "file" or target.read_text() == "old"
