"""Portraits on the desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from zplus_plugins.directions.embedded import embedded_directions
from zplus_plugins.errors import RecordError, UsageError
from zplus_plugins.inversion.opening import Models
from zplus_plugins.studio.engine.desk import Desk
from zplus_plugins.studio.engine.scene import SceneError
from zplus_plugins.system.files import checksum

PHOTO = "ab" * 32
Write = Callable[..., Path]


def test_records_of_a_photograph_are_one_portrait(desk: Desk, write: Write) -> None:
    one = desk.add(write("anna.f-wplus", "f/wplus", picture_sha256=PHOTO))
    two = desk.add(write("anna.f-zplus", "f/zplus", picture_sha256=PHOTO))
    assert one.id == two.id == PHOTO[:12]
    assert [portrait.id for portrait in desk.portraits()] == [two.id]
    assert desk.get(two.id) is two
    assert two.name == "anna"
    assert set(two.spaces) == {"f/wplus", "f/zplus"}
    assert not any(opened.derived for opened in two.spaces.values())


def test_a_record_in_z_has_its_style_code_beside_it(desk: Desk, write: Write) -> None:
    portrait = desk.add(write("anna", "f/zplus", picture_sha256=PHOTO))
    z, w = portrait.spaces["f/zplus"], portrait.spaces["f/wplus"]
    assert (z.derived, w.derived) == (False, True)
    assert w.record is z.record
    with torch.no_grad():
        assert torch.equal(w.model.pictures(w.point), z.model.pictures(z.point))
    own = desk.add(write("anna.f-wplus", "f/wplus", picture_sha256=PHOTO)).spaces["f/wplus"]
    assert not own.derived
    assert desk.add(write("anna", "f/zplus", picture_sha256=PHOTO)).spaces["f/wplus"] is own


def test_other_faces_of_a_photograph_are_other_portraits(desk: Desk, write: Write) -> None:
    ids = {
        desk.add(write(f"anna{face}", "f/zplus", picture_sha256=PHOTO, alignment={"face": face})).id for face in (1, 2)
    }
    assert len(ids) == 2


def test_without_a_photograph_codes_are_told_apart(desk: Desk, write: Write) -> None:
    one, two = desk.add(write("one", "f/zplus", seed=1)), desk.add(write("two", "f/zplus", seed=2))
    assert one.id == one.spaces["f/zplus"].record.digest()[:12] != two.id


def test_an_edit_is_a_portrait_of_its_own(desk: Desk, write: Write) -> None:
    plain = desk.add(write("anna", "f/zplus", picture_sha256=PHOTO))
    edited = desk.add(write("anna.smile", "f/zplus", seed=4, picture_sha256=PHOTO, edits=[{"way": "local"}]))
    assert edited.id != plain.id
    assert (plain.edited, edited.edited) == (False, True)


def test_the_target_is_found_while_it_is_the_same(desk: Desk, write: Write, tmp_path: Path) -> None:
    file = tmp_path / "anna.png"
    file.write_bytes(b"a picture")
    about = {"picture": "anna.png", "picture_sha256": checksum(file)}
    assert desk.add(write("anna", "f/zplus", **about)).target == file
    file.write_bytes(b"another")
    assert Desk(desk.models).add(tmp_path / "anna.zplus.npz").target is None


@pytest.mark.parametrize("name", ["../anna.png", "/etc/passwd", "x\0y", 3])
def test_a_target_is_sought_beside_its_record_only(desk: Desk, write: Write, tmp_path: Path, name: object) -> None:
    (tmp_path.parent / "anna.png").write_bytes(b"a picture")
    about = {"picture": name, "picture_sha256": checksum(tmp_path.parent / "anna.png")}
    assert desk.add(write("anna", "f/zplus", **about)).target is None


def test_what_is_not_there_is_refused(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="no portrait 0123"):
        desk.get("0123")
    with pytest.raises(RecordError, match="no record"):
        desk.add(tmp_path / "none.npz")


def test_a_folder_gives_records_and_directions(desk: Desk, write: Write, tmp_path: Path) -> None:
    write("one", "f/zplus", seed=1)
    write("two", "w", seed=2)
    grin = replace(embedded_directions()["smile"], name="grin")
    grin.save(tmp_path / "grin.zplus.npz")
    (tmp_path / "broken.zplus.npz").write_bytes(b"nothing")
    assert [portrait.name for portrait in desk.add_folder(tmp_path)] == ["one", "two"]
    assert "grin" in desk.directions


def test_a_folder_without_records_is_refused(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no record in the folder"):
        desk.add_folder(tmp_path)
    (tmp_path / "broken.zplus.npz").write_bytes(b"nothing")
    with pytest.raises(RecordError, match="broken"):
        desk.add_folder(tmp_path)


def test_two_directions_of_one_name_are_refused(models: Models, tmp_path: Path) -> None:
    other = embedded_directions()["age"]
    replace(other, name="smile").save(tmp_path / "smile.npz")
    with pytest.raises(UsageError, match="smile"):
        Desk(models, ["smile", tmp_path / "smile.npz"])
    assert list(Desk(models, ["smile", "smile"]).directions) == ["smile"]
