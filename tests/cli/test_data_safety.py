"""Commands never write over what is somebody's own, go on where they were interrupted, and do not mix."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from support.commands import done, zplus
from support.marked_faces import Marks, alignment_by, drawn
from support.outcome import files, refused
from zplus_plugins.demo import command as demo_command
from zplus_plugins.directions.edits import photographs
from zplus_plugins.directions.edits.making import Making
from zplus_plugins.generators import convert as converting
from zplus_plugins.hypersphere import moves
from zplus_plugins.inversion import batches as inverting
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.photos import Aligner, pasting
from zplus_plugins.system.results import BOOK, Results

OWN = ("--generator", "generator.pt")
FAST = (*OWN, "--steps", 1, "--likeness", "none")
WAY = ("--direction", "found_generator/ganspace-00.zplus.npz")
CUT = ("edit", "cut/anna.zplus.npz", *OWN, *WAY, "--strength", "0:1:2")
COMMANDS: dict[str, tuple[object, ...]] = {
    "invert": ("invert", *FAST, "faces"),
    "edit": ("edit", "inverted/anna.zplus.npz", *OWN, *WAY, "--strength", "0:1:2"),
    "edit --mask": (*CUT, "--mask", "face"),
    "edit --video": (*CUT, "--video", "gif", "--frames", 6),
    "edit --paste": (*CUT, "--paste", "auto"),
    "align": ("align", "party.png", "street.png", "--size", 32),
    "paste": ("paste", "party.png", "faces/anna.png", "faces/bert.png", "--record", "cut/anna.zplus.npz"),
    "interpolate": ("interpolate", "inverted/anna.zplus.npz", "inverted/bert.zplus.npz", *OWN, "--frames", 3),
    "walk": ("walk", "inverted/anna.zplus.npz", *OWN, "--frames", 2),
    "generate": ("generate", *OWN, "--seeds", "5-6"),
    "directions": ("directions", *OWN, "--components", 1, "--no-preview"),
    "compare": ("compare", "faces", *OWN, "--steps", 1, "--without-lpips", "--spaces", "z,w", "--workers", 1),
}
WRITTEN = {
    "invert": ("anna.zplus.npz", "bert.zplus.png"),
    "edit": ("anna.ganspace-00+0.000..+1.000x2.zplus.png", "anna.ganspace-00+1.000.zplus.png"),
    "edit --mask": ("anna.ganspace-00.in.face+1.000.zplus.png",),
    "edit --video": ("anna.ganspace-00+0.000..+1.000x6.zplus.gif",),
    "edit --paste": ("anna.ganspace-00+1.000.pasted.zplus.png",),
    "align": ("street.aligned.png",),
    "paste": ("bert.pasted.zplus.png",),
    "interpolate": ("anna.to.bert.x3.zplus.png", "anna.to.bert.x3.001.zplus.png"),
    "walk": ("anna.walk0.x2.zplus.png",),
    "generate": ("seed0000000006.zplus.png",),
    "directions": ("ganspace-00.zplus.npz",),
    "compare": ("report.html", "results.json", "table.csv", "parts/pictures-z-000.npz"),
}
NAMES = [(command, name) for command, written in WRITTEN.items() for name in written]


@pytest.fixture
def material(material: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With two photographs, the record of an image that was cut out of the first, and a detector of their faces."""
    monkeypatch.setattr("zplus_plugins.photos.aligner.detector_named", lambda name, device: Marks())
    monkeypatch.setattr(moves, "LEASH", 5)
    for name, turn in (("party", 12), ("street", -20)):
        drawn(turn)[0].save(f"{name}.png")
    Path("cut").mkdir()
    shutil.copy("inverted/anna.zplus.png", "cut/anna.zplus.png")
    record, alignment = PointRecord.load("inverted/anna.zplus.npz"), alignment_by(drawn(12)[1], Path("party.png"))
    replace(record, about={**record.about, "alignment": alignment.plain()}).save(Path("cut/anna.zplus.npz"))
    return material


def pictures(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(folder).items() if ".zplus" not in name}


class TestInputs:
    def test_a_picture_is_inverted_beside_itself(self, material: Path) -> None:
        before = files(material / "faces")
        assert done("invert", *FAST, "faces/anna.png", "--out", "faces") == ["faces/anna.zplus.npz"]
        assert pictures(material / "faces") == before

    def test_a_folder_is_inverted_into_itself_and_its_results_are_no_pictures(self, material: Path) -> None:
        before = files(material / "faces")
        for _ in range(2):
            written = done("invert", *FAST, "faces", "--out", "faces")
            assert written == ["faces/anna.zplus.npz", "faces/bert.zplus.npz"]
        assert pictures(material / "faces") == before
        for name in before:
            (material / "faces" / name).unlink()
        refused(zplus("invert", *FAST, "faces", "--out", "faces"), 1, "only results of zplus")

    def test_results_keep_clear_of_an_unrelated_picture(self, material: Path) -> None:
        shutil.copy("faces/bert.png", "anna.png")
        with Image.open("faces/anna.png") as picture:
            picture.save("anna.bmp")
        before = Path("anna.png").read_bytes()
        assert done("invert", *FAST, "anna.bmp", "--out", ".") == ["anna.zplus.npz"]
        assert Path("anna.png").read_bytes() == before

    def test_names_that_some_file_systems_take_for_the_same(self, material: Path) -> None:
        shutil.copy("faces/bert.png", "faces/ANNA.png")
        refused(zplus("invert", *FAST, "faces", "--out", "out"), 2, "ANNA.png", "anna.png", "the same name")

    def test_the_record_and_the_direction_of_an_edit_stay(self, material: Path) -> None:
        before = {**files(material / "inverted"), **files(material / "found_generator")}
        for folder in ("inverted", "found_generator"):
            done(*COMMANDS["edit"], "--out", folder)
        after = {**files(material / "inverted"), **files(material / "found_generator")}
        assert {name: after[name] for name in before if name != BOOK} == {n: c for n, c in before.items() if n != BOOK}

    @pytest.mark.parametrize(
        ("command", "folder"),
        [
            ("edit --mask", "cut"),
            ("edit --video", "cut"),
            ("edit --paste", "cut"),
            ("edit --paste", "."),
            ("align", "."),
            ("paste", "."),
            ("paste", "faces"),
            ("paste", "cut"),
        ],
    )
    def test_inputs_stay_where_results_go_beside_them(self, material: Path, command: str, folder: str) -> None:
        before = files(material)
        for overwrite in ((), ("--overwrite",)):
            done(*COMMANDS[command], *overwrite, "--out", folder)
        assert before.items() - files(material).items() <= {(BOOK, before.get(BOOK))}

    def test_a_picture_is_compared_beside_itself(self, material: Path) -> None:
        before = files(material / "faces")
        done(*COMMANDS["compare"], "--out", "faces")
        assert before.items() <= files(material / "faces").items()


class TestSomebodysOwn:
    @pytest.mark.parametrize(("command", "name"), NAMES)
    @pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
    def test_is_never_written_over(
        self, material: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str, overwrite: tuple[str, ...]
    ) -> None:
        path = material / "out" / name
        path.parent.mkdir(parents=True)
        path.write_text("mine")
        _forbid_work(monkeypatch)
        refused(zplus(*COMMANDS[command], *overwrite, "--out", "out"), 2, f"{name} exists")
        assert files(material / "out") == {name: b"mine"}

    @pytest.mark.parametrize("name", ["target.png", "f_zplus.npz", "summary.json"])
    def test_is_left_by_the_demo(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setattr(demo_command, "_make", _no_work)
        (tmp_path / name).write_text("mine")
        refused(zplus("demo", "--out", tmp_path, "--steps", 1), 2, f"{name} exists")
        assert files(tmp_path) == {name: b"mine"}


class TestGoingOn:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_what_is_finished_is_not_made_again(
        self, material: Path, monkeypatch: pytest.MonkeyPatch, command: str
    ) -> None:
        printed, before = done(*COMMANDS[command], "--out", "out"), files(material / "out")
        _forbid_work(monkeypatch)
        if command != "compare":  # which prints its tables anew, from its parts
            assert done(*COMMANDS[command], "--out", "out") == printed
            assert files(material / "out") == before

    @pytest.mark.parametrize(
        ("command", "other", "part"),
        [
            ("invert", ("--space", "w"), "space was f/zplus, is w"),
            ("invert", ("--steps", 2), "setting steps was 1, is 2"),
            ("edit", ("--way", "global"), "way was local, is global"),
            ("edit --mask", ("--feather", 0.2), "mask was"),
            ("edit --video", ("--fps", 10), "fps was 30, is 10"),
            ("align", ("--size", 16), "aligned to was 32, is 16"),
            ("paste", ("--match-colour",), "match colour was False, is True"),
            ("walk", ("--radius", 0.25), "radius was 0.5, is 0.25"),
            ("directions", ("--seed", 5), "seed was 0, is 5"),
            ("compare", ("--steps", 2), "setting steps was 1, is 2"),
        ],
    )
    def test_other_settings_are_refused_or_make_them_anew(
        self, material: Path, command: str, other: tuple[object, ...], part: str
    ) -> None:
        done(*COMMANDS[command], "--out", "out")
        before = files(material / "out")
        refused(zplus(*COMMANDS[command], *other, "--out", "out"), 2, part, "--overwrite")
        assert files(material / "out") == before
        done(*COMMANDS[command], *other, "--out", "out", "--overwrite")
        assert files(material / "out") != before

    def test_another_picture_of_the_same_name_is_refused(self, material: Path) -> None:
        done(*COMMANDS["invert"], "--out", "out")
        shutil.copy("faces/bert.png", "faces/anna.png")
        refused(zplus(*COMMANDS["invert"], "--out", "out"), 2, "anna.zplus.npz was made with other settings: picture")

    @pytest.mark.parametrize(
        ("command", "module", "name", "after"),
        [
            ("edit --mask", Making, "at", 1),
            ("edit --video", Making, "at", 4),  # two images, and two frames
            ("edit --paste", photographs, "paste", 1),
            ("align", Aligner, "alignments", 1),
            ("paste", pasting, "paste", 1),
        ],
    )
    def test_interrupted_results_are_whole_or_absent(
        self, material: Path, monkeypatch: pytest.MonkeyPatch, command: str, module: Any, name: str, after: int
    ) -> None:
        done(*COMMANDS[command], "--out", "whole")
        whole = pixels_and_codes(material / "whole")
        with monkeypatch.context() as patch:
            _interrupt(patch, module, name, after)
            assert zplus(*COMMANDS[command], "--out", "out").exit_code == 130
        left = pixels_and_codes(material / "out") if Path("out").exists() else {}
        assert left.items() < whole.items()
        done(*COMMANDS[command], "--out", "out")
        assert pixels_and_codes(material / "out") == whole

    def test_an_interrupted_batch_ends_with_the_bits_of_an_undisturbed_run(
        self, material: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for seed in range(8):
            Image.effect_noise((16, 16), 50 + seed).convert("RGB").save(f"faces/noise{seed}.png")
        done(*COMMANDS["invert"], "--out", "whole")
        with monkeypatch.context() as patch:
            _interrupt(patch, Results, "writing", after=3)
            assert zplus(*COMMANDS["invert"], "--out", "out").exit_code == 130
        assert 1 < len(files(material / "out")) < len(files(material / "whole"))
        done(*COMMANDS["invert"], "--out", "out")
        assert pixels_and_codes(material / "out") == pixels_and_codes(material / "whole")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_second_process_in_a_folder_is_refused_at_once(
    material: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    _forbid_work(monkeypatch)
    with Results(material / "out"):
        refused(zplus(*COMMANDS[command], "--out", "out"), 1, "results to out")
    assert not (material / "out" / "parts").exists()


def test_every_result_named_after_a_users_file_carries_the_mark(material: Path) -> None:
    for command in ("invert", "edit", "interpolate", "walk", "generate", "directions"):
        done(*COMMANDS[command], "--out", "out")
    assert all(re.search(r"\.zplus\.(png|npz)$", name) for name in files(material / "out") if name != BOOK)


def pixels_and_codes(folder: Path) -> dict[str, bytes]:
    """All but the list of results, whose order tells of the interruption; records have the same bytes, too."""
    return {name: content for name, content in files(folder).items() if name != BOOK}


def _no_work(*args: Any, **kwargs: Any) -> Any:
    raise AssertionError("work was spent")


def _forbid_work(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inverting, "invert", _no_work)
    patch.setattr("zplus_plugins.directions.edits.making.Making.at", _no_work)
    patch.setattr(Aligner, "alignments", _no_work)
    patch.setattr(pasting, "paste", _no_work)
    patch.setattr("zplus_plugins.inversion.opening.Opened.pictures", _no_work)
    patch.setattr("zplus_plugins.directions.find_ganspace", _no_work)
    patch.setattr("zplus_plugins.compare.work.run.run_tasks", _no_work)


def _interrupt(patch: pytest.MonkeyPatch, module: Any, name: str, after: int) -> None:
    whole: Callable[..., Any] = getattr(module, name)
    calls: list[int] = []

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    patch.setattr(module, name, interrupted)


class TestConverting:
    """Its target is a file that a user names; see also tests/generators/test_convert.py."""

    CONVERT = ("convert", "generator.pt", "out/anna.safetensors")

    @pytest.mark.parametrize("overwrite", [(), ("--overwrite",)])
    def test_somebodys_own_is_never_written_over(self, material: Path, overwrite: tuple[str, ...]) -> None:
        Path("out").mkdir()
        Path("out/anna.safetensors").write_text("mine")
        refused(zplus(*self.CONVERT, *overwrite), 2, "out/anna.safetensors exists", "choose another name")
        assert files(material / "out") == {"anna.safetensors": b"mine"}

    def test_an_interrupted_one_leaves_nothing(self, material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            _interrupt(patch, converting, "_difference", after=0)  # when the file is written
            assert zplus(*self.CONVERT).exit_code == 130
        assert not Path("out").exists()
        assert done(*self.CONVERT) == ["out/anna.safetensors"]

    def test_a_second_process_in_a_folder_is_refused_at_once(self, material: Path) -> None:
        with Results(material / "out"):
            refused(zplus(*self.CONVERT), 1, "results to out", "another folder")


class TestBadPictures:
    def test_all_are_named_and_nothing_is_written(self, material: Path) -> None:
        for name in ("x.png", "y.jpg"):
            (material / "faces" / name).write_text("no picture")
        refused(zplus(*COMMANDS["invert"], "--out", "out"), 1, "faces/x.png", "faces/y.jpg")
        assert not (material / "out").exists()

    def test_they_are_left_out_and_listed_where_that_is_wanted(self, material: Path) -> None:
        (material / "faces" / "aa.png").write_text("no picture")
        Image.new("RGB", (16, 8)).save(material / "faces" / "wide.png")
        result = zplus(*COMMANDS["invert"], "--skip-bad", "--out", "out")
        assert result.exit_code == 0 and result.stdout.split() == ["out/anna.zplus.npz", "out/bert.zplus.npz"]
        assert "2 of 4 images were left out:" in result.stderr
        assert "faces/aa.png" in result.stderr and "faces/wide.png has 16 x 8 pixels" in result.stderr

    def test_only_bad_ones_are_an_error(self, material: Path) -> None:
        for name in ("anna.png", "bert.png"):
            (material / "faces" / name).write_text("no picture")
        refused(zplus(*COMMANDS["invert"], "--skip-bad", "--out", "out"), 1, "faces/anna.png", "faces/bert.png")
