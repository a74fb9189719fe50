"""``zplus edit`` of several records and of folders of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.commands import INVERT, done, zplus
from support.outcome import files, refused
from zplus_plugins.directions.edits.making import Making
from zplus_plugins.inversion.record import PointRecord

WAY = ("--direction", "found_generator/ganspace-00.zplus.npz", "--strength", "-1:1:2", "--generator", "generator.pt")
NAMES = ("anna", "bert")
FILES = 5  # of a record's edits: two images, both side by side, and two records


def command(*records: object, out: str = "out") -> tuple[object, ...]:
    return ("edit", *records, *WAY, "--out", out)


def results(folder: str) -> dict[str, bytes]:
    return {name: content for name, content in files(Path(folder)).items() if not name.startswith(".zplus-results")}


@pytest.fixture
def apart(material: Path) -> Path:
    """The edits of each record, made by a command of its own."""
    for name in NAMES:
        done(*command(f"inverted/{name}.zplus.npz", out="apart"))
    return material


@pytest.mark.parametrize("given", [("inverted",), tuple(f"inverted/{name}.zplus.npz" for name in NAMES)])
@pytest.mark.usefixtures("apart")
def test_many_are_edited_as_one_is(given: tuple[str, ...]) -> None:
    printed = done(*command(*given))
    assert results("out") == results("apart") and {Path(name).name for name in printed} == set(results("out"))
    again = zplus(*command(*given))
    assert "these edits were made before" in again.stderr and again.stdout.splitlines() == printed
    Path("out/bert.ganspace-00+1.000.zplus.png").unlink()
    assert "1 of 2 records were edited before" in zplus(*command(*given)).stderr
    assert results("out") == results("apart")


@pytest.mark.usefixtures("apart")
def test_shards_share_the_records() -> None:
    for index in (2, 1, 3):
        result = zplus(*command("inverted"), "--shard", f"{index}/3")
        assert result.exit_code == 0 and ("shard 3/3 has no records" in result.stderr) == (index == 3)
    assert results("out") == results("apart")
    assert "these edits were made before" in zplus(*command("inverted")).stderr


def test_they_need_not_be_in_one_space(material: Path) -> None:
    done(*INVERT[:-1], "faces/anna.png", "--space", "wplus", "--out", "other")
    shutil.move("other/anna.zplus.npz", "other/wplus.zplus.npz")
    assert len(done(*command("inverted", "other"))) == 3 * FILES


def test_all_bad_ones_are_named_before_any_is_edited_or_left_out(material: Path) -> None:
    for name in ("broken", "torn"):
        Path(f"inverted/{name}.zplus.npz").write_text("no record")
    Path("inverted/notes.txt").write_text("not looked at")
    shutil.copy("found_generator/ganspace-00.zplus.npz", "inverted/way.zplus.npz")
    bad = [f"inverted/{name}.zplus.npz" for name in ("broken", "torn", "way")]
    refused(zplus(*command("inverted")), 1, *bad)
    assert not Path("out").exists()
    result = zplus(*command("inverted"), "--skip-bad")
    assert result.exit_code == 0 and "3 of 5 records were left out" in result.stderr
    assert all(name in result.stderr for name in bad) and len(result.stdout.splitlines()) == 2 * FILES
    refused(zplus(*command(*bad), "--skip-bad"), 1, *bad)


def test_those_of_another_generator_are_bad(material: Path) -> None:
    done(*INVERT, "--generator", "other.pt", "--out", "inverted_by_other")
    both = ("inverted", "inverted_by_other/anna.zplus.npz")
    shutil.move(both[1], "inverted/other.zplus.npz")
    refused(zplus(*command("inverted")), 1, "inverted/other.zplus.npz: The record belongs to the generator")
    assert len(done(*command("inverted"), "--skip-bad")) == 2 * FILES


def test_one_that_changes_after_it_was_checked_is_named(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, model = Making.at, PointRecord.load(Path("inverted/anna.zplus.npz"))

    def at(making: Making, strength: float) -> object:
        model.save(Path("inverted/bert.zplus.npz"))
        return whole(making, strength)

    monkeypatch.setattr(Making, "at", at)
    refused(zplus(*command("inverted")), 1, "inverted/bert.zplus.npz has changed since it was checked")
    assert {name.partition(".")[0] for name in results("out")} == {"anna"}


def test_those_of_the_same_name_are_refused(material: Path) -> None:
    shutil.copytree("inverted", "again")
    refused(zplus(*command("inverted", "again")), 2, "inverted/anna.zplus.npz", "again/anna.zplus.npz", "same names")


def test_a_folder_without_records_is_refused(material: Path) -> None:
    refused(zplus(*command("faces", "inverted")), 1, "no record in the folder faces; expected *.zplus.npz")


def test_the_document_of_several_lists_what_that_of_one_says(material: Path) -> None:
    one = json.loads(zplus(*command("inverted/anna.zplus.npz"), "--json").stdout)
    assert set(one) == {"format", "record", "direction", "directions", "made", "sheet", "video", "results"}
    Path("inverted/torn.zplus.npz").write_text("no record")
    many = json.loads(zplus(*command("inverted"), "--skip-bad", "--json").stdout)
    assert set(many) == {"format", "direction", "directions", "records", "left_out"}
    assert many["records"][0] == {k: v for k, v in one.items() if k not in set(many) - {"records"}} | {"made": False}
    assert many["records"][1]["made"] and "torn.zplus.npz" in many["left_out"][0]
