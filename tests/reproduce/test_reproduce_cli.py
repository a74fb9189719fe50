"""``zplus reproduce``, on tiny generators."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result
from PIL import Image

from support.commands import zplus
from support.comparisons import stand_in_for_embedded, tiny_model, tiny_pictures
from support.generator_files import conditional
from support.outcome import refused
from support.places import ROOT
from zplus_plugins.compare.work.part import as_bytes
from zplus_plugins.directions.embedded import NAMES
from zplus_plugins.generators import Generator
from zplus_plugins.reproduce import prepare
from zplus_plugins.system.results import BOOK

FILES = {"results.json", "table.csv", "page.html", "parts", BOOK}
CURVES = {"curves.csv", "curves.svg"}


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> Generator:
    from zplus_plugins.compare import prepare as comparing

    generator = stand_in_for_embedded(monkeypatch, NAMES)
    monkeypatch.setattr(prepare, "embedded_directions", comparing.embedded_directions)
    return generator


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator's file of 16 px, and three pictures."""
    folder = tmp_path_factory.mktemp("material")
    generator = tiny_model().generator
    torch.save({"architecture": asdict(generator.architecture), "state": generator.state_dict()}, folder / "ffhq.pt")
    (folder / "celeba_hq").mkdir()
    for name, pixels in zip("cab", as_bytes(tiny_pictures(3)), strict=True):
        Image.fromarray(pixels).save(folder / "celeba_hq" / f"{name}.png")
    return folder


def _embedded(table: str, out: Path, *more: object) -> Result:
    return zplus("reproduce", table, "--embedded", "--pictures", 2, "--steps", 1, "--workers", 1, "--out", out, *more)


def _of_files(table: str, material: Path, out: Path, *more: object) -> Result:
    files = ("--generator", material / "ffhq.pt", "--images", material / "celeba_hq")
    return zplus(
        "reproduce",
        table,
        *files,
        "--without-lpips",
        "--pictures",
        2,
        "--steps",
        2,
        "--workers",
        1,
        "--out",
        out,
        *more,
    )


@pytest.mark.usefixtures("embedded")
@pytest.mark.parametrize(
    ("table", "figure", "rows"), [("table1", "mse", 8), ("fig5", "identity", 2), ("table-lsap", "nscd", 8)]
)
def test_drawn_portraits_end_to_end(table: str, figure: str, rows: int, tmp_path: Path) -> None:
    result = _embedded(table, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | (CURVES if table == "fig5" else set())
    assert "Not comparable with the published figures" in result.stderr  # before any work
    assert "(here, other domain and settings)" in result.stdout
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(content["rows"]) == rows and content["n"] == 2 and content["comparable"] is False
    assert content["departures"] == [
        "2 images instead of 50",
        f"1 step instead of {1000 if table == 'table-lsap' else 1200}",
    ]
    measured = [row for row in content["rows"] if row["space"] is not None]
    assert all(row["here"][figure]["n"] == 2 for row in measured)
    settings = content["settings"]
    assert settings["way on the hypersphere"] == "global" and settings["protocol"] == table
    assert settings["truncation"] == ("1, None layers" if table == "table-lsap" else "0.7, 8 layers")
    assert settings["setting keep_f"] == ("0.01" if table == "table-lsap" else "10")
    again = _embedded(table, tmp_path / "out", "--json")  # from its parts
    assert again.exit_code == 0, again.output
    _is_described(json.loads(again.stdout), content, tmp_path / "out")
    if table == "fig5":
        assert content["curves"]["strengths"] == [-2, -1.6, -1.2, -0.8, -0.4, 0, 0.4, 0.8, 1.2, 1.6, 2]
        assert content["curves"]["edited"] == 2 * 5 * 11
        assert any("InterFaceGAN's of the embedded generator" in text for text in content["statements"])


@pytest.mark.usefixtures("embedded")
def test_directions_are_files_or_names_of_embedded_ones(tmp_path: Path) -> None:
    result = _embedded("fig5", tmp_path / "out", "--direction", "nope")
    assert result.exit_code == 1 and "no direction file nope" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_conditional_generator_is_refused_without_naming_an_option_that_is_not_there(
    material: Path, tmp_path: Path
) -> None:
    torch.save(conditional(), tmp_path / "c.pt")
    refused(
        _of_files("table1", material, tmp_path / "out", "--generator", tmp_path / "c.pt"),
        2,
        f"The generator in {tmp_path / 'c.pt'} is conditional",
        "give StyleGAN2 of FFHQ",
    )
    assert not (tmp_path / "out").exists()


def _is_described(found: dict[str, Any], content: dict[str, Any], out: Path) -> None:
    """The document has the fields that docs/json.md lists, and says what the file says."""
    files, settings, run = found["files"], content["settings"], content["run"]
    assert {**content, "files": files} == {**found, "settings": settings, "run": run}
    assert {Path(path) for path in files.values()} == {out / name for name in files}
    names = set(found)
    for inner in ("rows", "tests"):
        names |= {f"{inner}[].{key}" for one in found[inner] for key in one}
    names |= {f"curves.{key}" for key in found["curves"] or ()}
    text = (ROOT / "docs" / "json.md").read_text().partition("## zplus reproduce\n")[2].partition("\n## ")[0]
    described = set(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)) - {"finished", "parts"}
    absent = {"curves.": not found["curves"], "tests[]": not found["tests"]}
    assert names == {name for name in described if not any(gone and name.startswith(k) for k, gone in absent.items())}


def test_the_first_images_by_name_are_used_and_it_resumes(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zplus_plugins.compare.work import measuring

    whole, calls = measuring.invert, 0

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(measuring, "invert", interrupted)
        result = _of_files("table1", material, tmp_path / "out")
    assert result.exit_code == 130 and "2 of 7 parts are finished" in result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"parts"}
    assert _of_files("table1", material, tmp_path / "out").exit_code == 0
    apart = tmp_path / "apart"
    (apart / "celeba_hq").mkdir(parents=True)
    for name in "ab":
        (apart / "celeba_hq" / f"{name}.png").write_bytes((material / "celeba_hq" / f"{name}.png").read_bytes())
    (apart / "ffhq.pt").write_bytes((material / "ffhq.pt").read_bytes())
    assert _of_files("table1", apart, tmp_path / "other").exit_code == 0
    assert (tmp_path / "out" / "table.csv").read_bytes() == (tmp_path / "other" / "table.csv").read_bytes()
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert content["mismatch"] == "this generator's images have 16 px, those of the paper's generator 1024"
    assert "no LPIPS in the loss" in content["departures"]
    assert content["settings"]["setting keep_f"] == "0.01"  # F starts at the mean image
    refused = _of_files("table-lsap", material, tmp_path / "out")
    assert refused.exit_code == 2 and "protocol was table1, is table-lsap" in refused.stderr


def test_shards_share_the_parts(material: Path, tmp_path: Path) -> None:
    first = _of_files("table1", material, tmp_path / "out", "--shard", "1/2")
    assert first.exit_code == 0 and "4 of 7 parts are finished" in first.stderr
    assert not (tmp_path / "out" / "table.csv").exists()
    assert _of_files("table1", material, tmp_path / "out", "--shard", "2/2").exit_code == 0
    assert (tmp_path / "out" / "table.csv").exists()


@pytest.mark.usefixtures("torch_home")
def test_figure_5_of_photographs_says_which_directions_it_found(material: Path, tmp_path: Path) -> None:
    """These show no face, so that there is no identity, and no figure."""
    result = _of_files("fig5", material, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "GANSpace's first components, found in this generator, because none was given" in result.stdout
    assert "left out: 110 of 110 edits" in result.stdout


def test_figure_5_needs_identity_before_it_works(material: Path, tmp_path: Path) -> None:
    result = _of_files("fig5", material, tmp_path / "out")
    assert result.exit_code == 1 and "fig5 measures identity, which is not available: " in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "--generator and --images are missing."),
        (("--generator", "ffhq.pt"), "--images is missing."),
        (("--images", "celeba_hq"), "--generator is missing."),
        (("--embedded", "--images", "celeba_hq"), "leave out either it, or --generator and --images"),
        (("--embedded", "--resize"), "--resize and --without-lpips apply to --images"),
        (("--embedded", "--direction", "smile"), "--direction applies to fig5: table1 edits nothing"),
        (("--embedded", "--overwrite", "--shard", "1/2"), "--overwrite deletes all parts"),
    ],
)
def test_wrong_wishes(given: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = zplus("reproduce", "table1", *given, "--out", tmp_path / "out")
    assert result.exit_code == 2 and message in result.stderr and "Traceback" not in result.stderr
    if message.endswith("missing."):
        assert all(text in result.stderr for text in ("ffhq.pkl", "NVlabs", "CelebA-HQ", "reproduce table1 --embedded"))
    assert not (tmp_path / "out").exists()


def test_too_few_images(material: Path, tmp_path: Path) -> None:
    result = zplus(
        "reproduce",
        "table1",
        "--generator",
        material / "ffhq.pt",
        "--images",
        material / "celeba_hq",
        "--out",
        tmp_path / "x",
    )
    assert result.exit_code == 1
    assert "has 3 images, but table1 takes 50. Add more, or use fewer: --pictures 3." in result.stderr
