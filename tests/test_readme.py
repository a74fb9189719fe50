"""What the README says is so, and what it said before some of it became pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageChops

from support.documents import PAGES, README, block
from support.marked_faces import Marks, drawn
from support.places import ROOT
from support.toys import Genforce
from zplus_plugins.photos import aligner
from zplus_plugins.upstreams.checkout.plugins import DISTRIBUTION, all_plugins
from zplus_plugins.upstreams.patch_table import patch_table


def test_the_library_example_runs() -> None:
    names: dict[str, Any] = {"generator": Genforce().eval(), "target": torch.zeros(1, 6, 16)}
    exec(block("the library example"), names)
    assert names["z"].sphere_error() <= 1e-5
    assert names["loss"].item() < 0.5 * names["mapping"](names["z"].random(1, 6, 16)).square().mean().item()


def test_the_script_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    script = block("the script")
    assert len([line for line in script.splitlines() if line]) <= 15
    monkeypatch.chdir(tmp_path)
    drawn()[0].save("anna.jpg", quality=100, subsampling=0)
    monkeypatch.setattr(aligner, "detector_named", lambda name, device: Marks())  # MTCNN is an extra
    assert script.count("steps=200") == 1 and script.count("% 50") == 1
    names: dict[str, Any] = {}
    exec(script.replace("steps=200", "steps=2").replace("% 50", "% 2"), names)
    assert re.fullmatch(r"step 2: loss \d\.\d{4}\n", capsys.readouterr().out)
    for name, size in (("preview.png", (64, 64)), ("older.png", (64, 64)), ("pasted.png", (320, 300))):
        with Image.open(name) as image:
            assert image.size == size
    with Image.open("anna.jpg") as photo, Image.open("pasted.png") as pasted:
        assert ImageChops.difference(photo, pasted).getbbox() is not None
    assert Path("preview.png").read_bytes() != Path("older.png").read_bytes()
    assert torch.equal(names["again"].tensor(), names["found"].tensor())
    assert names["again"].about[0]["alignment"]["photo"] == "anna.jpg"


def test_ci_runs_the_test_command_as_written() -> None:
    assert "pytest" in block("the test command")
    assert block("the test command").startswith("python3 -m venv")
    assert "zplus demo" in block("the demo command")
    assert "<!-- the test command -->" in (ROOT / ".ci" / "run").read_text()


def test_one_job_kills() -> None:
    """The one that runs the README's command, whose tests are all there are; the others leave kills out."""
    workflow = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    runs = re.findall(r"- run: (.*(?:\bpytest\b|\.ci/run).*)", workflow)
    assert runs.count(".ci/run") == 1 and len(runs) > 1
    assert all('-m "not kill"' in run for run in runs if run != ".ci/run")
    assert not re.search(r"pytest\b.* (-m|-k|--deselect|--ignore)\b", block("the test command"))


def test_the_compatibility_patches_are_up_to_date() -> None:
    """After a change: paste the output of ``zplus adapters --patches`` between the markers."""
    own = [plugin.adapter for plugin in all_plugins() if plugin.origin.split()[0] == DISTRIBUTION and plugin.adapter]
    pattern = r"<!-- compatibility patches -->\n(.*?)<!-- end of compatibility patches -->"
    found = re.search(pattern, PAGES["docs/patches.md"], re.DOTALL)
    assert found is not None
    assert found[1].strip() == patch_table(own)


def test_every_patch_is_in_use() -> None:
    files = {file.stem for file in (ROOT / "patches").glob("*.py")} - {"__init__"}
    used = {
        patch.install.__module__.rpartition(".")[2] for p in all_plugins() if p.adapter for patch in p.adapter.patches
    }
    assert files <= used


def test_it_is_short() -> None:
    """A screen and a half; the rest is in docs/."""
    assert 60 <= len(README.splitlines()) <= 95
    assert len(re.findall(r"^- \[[^]]+\]\(docs/", README, re.MULTILINE)) == 5
    for marker in ("<!-- what was measured -->", "<!-- end of what was measured -->"):
        assert README.count(marker) == 1
