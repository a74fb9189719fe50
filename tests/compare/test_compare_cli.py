"""``zplus compare`` as a command."""

from __future__ import annotations

import errno
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from support.commands import zplus
from support.comparisons import stand_in_for_embedded, tiny_model, tiny_pictures
from zplus_plugins.cli.main import main
from zplus_plugins.compare import prepare
from zplus_plugins.compare.work.part import as_bytes
from zplus_plugins.system.device import name_of
from zplus_plugins.system.results import BOOK

pytestmark = pytest.mark.usefixtures("short_chases")
FILES = {"results.json", "table.csv", "report.html", "parts", BOOK}


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator's file, and a folder of pictures."""
    folder = tmp_path_factory.mktemp("material")
    generator = tiny_model().generator
    content = {"architecture": asdict(generator.architecture), "state": generator.state_dict()}
    torch.save(content, folder / "generator.pt")
    (folder / "pictures").mkdir()
    for index, pixels in enumerate(as_bytes(tiny_pictures(3))):
        Image.fromarray(pixels).save(folder / "pictures" / f"{index}.png")
    return folder


def _compare(material: Path, out: Path, *more: str, spaces: str = "f/wplus,f/wplus-pn,f/zplus") -> Result:
    arguments = [str(material / "pictures"), "--generator", str(material / "generator.pt"), "--without-lpips"]
    return zplus("compare", *arguments, "--steps", "2", "--out", str(out), "--spaces", spaces, *more)


def test_it_compares_pictures_of_ones_own(material: Path, tmp_path: Path) -> None:
    result = _compare(material, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert "F/W+(P_N)" in result.stdout and "measured without attributes" in result.stderr
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert content["edits"] == [f"ganspace-{k:02d}" for k in range(5)]
    assert content["sets"]["pictures"]["n"] == 3
    table = (tmp_path / "out" / "table.csv").read_bytes()
    again = _compare(material, tmp_path / "out")  # all from its parts
    assert again.exit_code == 0 and (tmp_path / "out" / "table.csv").read_bytes() == table
    _is_summarised(_compare(material, tmp_path / "out", "--json"), again, content)


@pytest.mark.usefixtures("torch_home")
def test_photographs_are_compared_by_lpips_and_identity(material: Path, tmp_path: Path) -> None:
    """As far as they show a face: these are smaller than any."""
    pictures = (material / "pictures", "--generator", material / "generator.pt", "--steps", 2)
    result = zplus("compare", *pictures, "--spaces", "wplus", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert content["missing"].keys() == {"attributes"}
    figures = content["sets"]["pictures"]["spaces"]["wplus"]["figures"]
    assert figures["lpips"]["n"] == 3 and figures["lpips"]["mean"] > 0
    assert figures["identity"]["n"] == 0 and figures["identity"]["mean"] is None


def _is_summarised(result: Result, in_words: Result, content: dict[str, Any]) -> None:
    """One document, as docs/json.md has it, says the same as the words and the file do."""
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and "measured without attributes" in result.stderr
    assert set(found) == {"format", "files", "missing", "sets"} and set(found["files"]) == {
        "results",
        "table",
        "report",
    }
    assert found["missing"] == content["missing"]
    (name, own) = found["sets"].popitem()
    assert set(own) == {"title", "n", "spaces", "verdicts"} and own["n"] == content["sets"][name]["n"]
    for space, figures in own["spaces"].items():
        for figure, mean in figures.items():
            whole = content["sets"][name]["spaces"][space]["figures"][figure]
            assert mean == {key: value for key, value in whole.items() if key != "values"}
    for line in (*own["verdicts"], *found["files"].values()):
        assert line in in_words.stdout


def test_interrupted_and_resumed(material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zplus_plugins.compare.work import measuring

    whole, calls = measuring.invert, 0

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(measuring, "invert", interrupted)
        result = _compare(material, tmp_path / "out")
    assert result.exit_code == 130
    assert "1 of 3 parts are finished" in result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"parts"}
    assert _compare(material, tmp_path / "out").exit_code == 0
    assert _compare(material, tmp_path / "other").exit_code == 0
    assert (tmp_path / "out" / "table.csv").read_bytes() == (tmp_path / "other" / "table.csv").read_bytes()
    refused = _compare(material, tmp_path / "out", "--steps", "1")
    assert refused.exit_code == 2 and "setting steps was 2, is 1" in refused.stderr
    assert _compare(material, tmp_path / "out", "--steps", "1", "--overwrite").exit_code == 0


def test_only_parts_that_were_asked_for_are_counted(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zplus_plugins.compare.work import measuring

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        raise KeyboardInterrupt

    assert _compare(material, tmp_path / "out").exit_code == 0
    monkeypatch.setattr(measuring, "invert", interrupted)
    assert "1 of 2 parts are finished" in _compare(material, tmp_path / "out", spaces="f/zplus,zplus").stderr


def test_a_full_disk_leaves_the_earlier_report_beside_its_table(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _compare(material, tmp_path / "out").exit_code == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()}
    write = Path.write_bytes

    def filling(self: Path, content: bytes) -> int:
        if self.suffix == ".html":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, content)

    monkeypatch.setattr(Path, "write_bytes", filling)
    result = _compare(material, tmp_path / "out", "--margin", "0.5")
    assert result.exit_code == 1 and "No space left on device" in result.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("more", "status", "message"),
    [
        (["--spaces", "f/zplus,nope"], 2, "There is no space 'nope'"),
        (["--spaces", ","], 2, "names no space"),
        (["--pictures", "3"], 2, "drawn portraits"),
        (["--out-of-range"], 2, "drawn portraits"),
        (["--seed", "0"], 2, "drawn portraits"),
        (["--strengths", "8.5"], 2, "--strengths"),
        (["--strengths", "0"], 2, "--strengths"),
        (["--strengths", "nan"], 2, "--strengths nan: expected a number above 0 and up to 8"),
        (["--direction", "absent.npz"], 1, "There is no direction absent.npz"),
    ],
)
def test_wrong_wishes(material: Path, tmp_path: Path, more: list[str], status: int, message: str) -> None:
    result = _compare(material, tmp_path / "out", *more)
    assert result.exit_code == status
    assert message in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_directions_are_found_with_the_threads_of_the_comparison(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else their last digits, and so the settings, would depend on the machine's cores."""
    threads: list[int] = []
    find = prepare.find_ganspace

    def found(*args: Any) -> Any:
        threads.append(torch.get_num_threads())
        return find(*args)

    monkeypatch.setattr(prepare, "find_ganspace", found)
    torch.set_num_threads(2)
    prepare.prepare(
        prepare.Request(images=(material / "pictures",), generator=material / "generator.pt", with_lpips=False)
    )
    assert threads == [1]


def test_drawn_portraits_and_those_out_of_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default way, with untrained networks in place of the embedded ones."""
    generator = stand_in_for_embedded(monkeypatch)
    arguments = ["--pictures", "2", "--steps", "1", "--out-of-range", "--spaces", "f/zplus,f/wplus"]
    result = CliRunner().invoke(main, ["compare", *arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert list(content["sets"]) == ["held-out", "rotated", "shifted", "coloured"]
    measured = content["sets"]["rotated"]["spaces"]["f/zplus"]
    assert {"mse", "ssim", "psnr", "perceptual", "identity", "nscd"} <= set(measured["figures"])
    assert set(measured["edits"]) == {"identity_input", "identity_own", "change", "leakage"}
    assert content["sets"]["held-out"]["gains"].keys() >= {"eleven", "two"}
    assert content["settings"]["device"] == name_of(generator.const.device)
    assert content["settings"]["instrument start of F"].startswith("encoder ")


def test_pictures_that_the_embedded_generator_has_not_learnt_are_named_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for_embedded(monkeypatch)
    Image.new("RGB", (64, 64)).save(tmp_path / "grey.png")
    assert prepare.OUTSIDE in prepare.prepare(prepare.Request(images=(tmp_path / "grey.png",))).evidence
    assert prepare.OUTSIDE not in prepare.prepare(prepare.Request(pictures=1)).evidence


def test_drawn_portraits_fit_generators_of_their_size_only(material: Path, tmp_path: Path) -> None:
    arguments = ["--generator", str(material / "generator.pt"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["compare", *arguments])
    assert result.exit_code == 2 and "16 pixels" in result.stderr
