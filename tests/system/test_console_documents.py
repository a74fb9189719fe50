"""The JSON documents that commands print with --json, and their description in docs/json.md."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from support.places import ROOT, STANDINS
from zplus_plugins.cli.main import main
from zplus_plugins.inversion.record import PointRecord

STANDIN = STANDINS / "bdinvert"


def zplus(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def document(result: Result) -> dict[str, Any]:
    """The one JSON document, which is all there is on the standard output."""
    found = json.loads(result.stdout)
    assert isinstance(found, dict) and found["format"] == 1
    return found


def _bdinvert(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    shutil.copytree(STANDIN, folder / "repository")
    monkeypatch.chdir(folder / "repository" / "BDInvert")
    return "invert.py"


DOCUMENTED = (ROOT / "docs" / "json.md").read_text()


def fields(name: str) -> set[str]:
    """The fields that docs/json.md lists for a command."""
    section = DOCUMENTED.partition(f"## zplus {name}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))


def paths(content: Any, prefix: str = "") -> set[str]:
    """The paths of a document's fields, where ``[]`` stands for each entry of a list."""
    if isinstance(content, list):
        return set().union(*(paths(item, f"{prefix}[]") for item in content if isinstance(item, dict)))
    below = {f"{prefix}.{key}".lstrip("."): value for key, value in content.items()}
    deep = {key: value for key, value in below.items() if isinstance(value, dict | list) and key != "settings"}
    return set(below).union(*(paths(value, key) for key, value in deep.items()))


def test_doctor_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zplus_plugins.ops import measure

    monkeypatch.setattr(measure, "SECONDS", 0.01)
    monkeypatch.setattr(measure, "SIDE", 64)
    _bdinvert(tmp_path, monkeypatch)
    result = zplus("doctor", "--json")
    found = document(result)
    assert (result.exit_code, result.stderr) == (1, "")
    assert found["missing"] == len([one for one in found["findings"] if one["remedy"]]) > 0
    assert paths(found) == fields("doctor")


def test_check_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = _bdinvert(tmp_path, monkeypatch)
    result = zplus("check", "--json", script)
    found = document(result)
    assert (result.exit_code, found["fits"], found["checkout"]["status"]) == (0, True, "compatible")
    assert paths(found) == fields("check")
    assert zplus("check", script).stdout.endswith(f"{found['verdict']}\n")
    source = tmp_path / "repository" / "models" / "stylegan2_generator.py"
    source.write_text(source.read_text().replace("basecode_layer", "feature_layer"))
    result = zplus("check", "--json", script)
    assert (result.exit_code, document(result)["fits"]) == (1, False)
    result = zplus("check", "--json", "absent.py")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "absent.py" in result.stderr
    assert zplus("check", "--json", "--fingerprints", script).exit_code == 2


def test_adapters_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _bdinvert(tmp_path, monkeypatch)
    found = document(zplus("adapters", "--json"))
    ours = {one["name"]: one for one in found["adapters"]}
    assert ours["bdinvert"]["checkout"]["root"] == str(tmp_path / "repository")
    assert ours["pti"]["checkout"] is None and "scripts/run_pti.py" in ours["pti"]["scripts"]
    assert paths(found) == fields("adapters")
    assert zplus("adapters", "--json", "--patches").exit_code == 2


def test_invert_and_edit_as_json(material: Path) -> None:
    (material / "faces" / "broken.png").write_bytes(b"no picture")
    common = ("--generator", "generator.pt", "--json")
    asked = ("invert", "faces", "--steps", "2", "--likeness", "none", "--skip-bad", "--out", "out", *common)
    result = zplus(*asked)
    found = document(result)
    assert result.exit_code == 0, result.output
    assert [one["made"] for one in found["results"]] == [True] * len(found["results"])
    assert len(found["left_out"]) == 1 and "broken.png" in found["left_out"][0]
    assert "1 of " in result.stderr and paths(found) == fields("invert") - {"results[].loss_bf16"}
    first = found["results"][0]
    assert PointRecord.load(first["record"]).about["loss"] == first["loss"]
    assert Path(first["reconstruction"]).is_file() and Path(first["image"]).is_file()
    again = document(zplus(*asked))
    assert [one | {"made": True} for one in again["results"]] == found["results"]
    assert not any(one["made"] for one in again["results"])
    reduced = [option if option != "out" else "reduced" for option in asked]
    assert paths(document(zplus(*reduced, "--precision", "bf16"))) == fields("invert")

    direction = next((material / "found_generator").glob("*.npz"))
    moved = ("edit", first["record"], "--direction", direction, "--strength", "-1:1:3", "--out", "edits", *common)
    found = document(zplus(*moved))
    assert [one["strength"] for one in found["results"]] == [-1, 0, 1] and found["made"]
    assert all(Path(one["image"]).is_file() for one in found["results"]) and Path(found["sheet"]).is_file()
    assert paths(found) == fields("edit")
    assert document(zplus(*moved)) == found | {"made": False}


def test_interpolate_walk_and_generate_as_json(material: Path) -> None:
    records, common = sorted((material / "inverted").glob("*.npz")), ("--generator", "generator.pt", "--frames", "2")
    for name, given in (("interpolate", records), ("walk", records[:1])):
        assert paths(document(zplus(name, *given, *common, "--out", "out", "--json"))) == fields(name)
    assert paths(document(zplus("generate", *common[:2], "--seeds", "1", "--out", "out", "--json"))) == fields(
        "generate"
    )


def test_convert_as_json(tmp_path: Path) -> None:
    result = zplus("convert", ROOT / "zplus_plugins" / "weights" / "generator.pt", tmp_path / "a.safetensors", "--json")
    found = document(result)
    assert (result.exit_code, found["made"], found["notes"]) == (0, True, [])
    assert paths(found) == fields("convert")
