"""The notebook of docs/ runs from its first cell to its last, and is stored without what it shows."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from PIL import Image

import zplus_plugins as zplus
from support.marked_faces import Marks, drawn
from support.places import ROOT
from zplus_plugins.errors import RequirementError
from zplus_plugins.photos import Photograph, aligner
from zplus_plugins.portraits import column, draw, sample

NOTEBOOK = ROOT / "docs" / "photo.ipynb"
PACKAGE = "zplus_plugins"
OPENING = {"Photograph": Photograph, "sys": sys, "Image": Image, "sample": sample, "draw": draw, "column": column}
"""What the cell that opens a photograph uses."""

MEASURED = """\
import json
reached = {space: measured(one, equal[space]) for space, one in found.items()}
print(json.dumps({"change": change, "reached": reached}))
"""


def notebook() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)


def source(beginning: str) -> str:
    """The code of the cell that begins so."""
    (found,) = (cell.source for cell in notebook().cells if cell.source.startswith(beginning))
    return str(found)


def without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a package look as if it were not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda wanted: None if wanted == name else find(wanted))


def test_it_is_stored_without_what_it_shows() -> None:
    """Pictures would differ from machine to machine, and show what an earlier version did."""
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
    assert set(notebook().metadata) == {"kernelspec", "language_info"}


def test_the_first_cell_installs_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = source("REPOSITORY")
    assert notebook().cells[2].source == cell
    calls: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda words, check: calls.append(words))
    exec(cell, {})
    assert calls == [] and capsys.readouterr() == ("", "")
    without(PACKAGE, monkeypatch)
    with pytest.raises(SystemExit, match="Set REPOSITORY to the address"):
        exec(cell, {})
    assert calls == []
    exec(cell.replace('REPOSITORY = ""', 'REPOSITORY = "https://example.org/mine.git"'), {})
    package = "zplus-plugins[faces] @ git+https://example.org/mine.git"
    assert calls == [[sys.executable, "-m", "pip", "install", "-q", package, "matplotlib"]]


def test_a_photograph_is_aligned_if_that_is_possible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(aligner, "detector_named", lambda name, device: Marks())  # MTCNN is an extra
    drawn()[0].save("mine.png")
    opening = source("PHOTO").replace('PHOTO = ""', 'PHOTO = "mine.png"')
    names: dict[str, Any] = {"Photograph": Photograph, "sys": sys, "zplus": zplus, "importlib": importlib}
    names["show"] = lambda *rows, titles: None
    aligning = source("generator = zplus.load_generator()")
    exec(opening + "\n" + aligning, names)
    found = names["aligned"].alignment
    assert (found.detector, found.photo, found.size) == ("marks", "mine.png", 64)
    assert capsys.readouterr().out == ""
    without("facenet_pytorch", monkeypatch)
    with pytest.raises(RequirementError, match="320 x 300 pixels; an aligned image is square"):
        exec(aligning, names)
    assert "There is no face detector" in capsys.readouterr().out
    drawn()[0].crop((10, 0, 310, 300)).save("mine.png")
    exec(opening + "\n" + aligning, names)
    assert names["aligned"].alignment.detector == "none"


def test_colab_asks_for_an_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    drawn()[0].save("mine.png")  # where Colab puts it, too
    uploads: list[dict[str, bytes]] = [{}, {"mine.png": b"..."}]
    colab = ModuleType("google.colab")
    colab.files = SimpleNamespace(upload=uploads.pop)  # type: ignore[attr-defined]
    for name, module in (("google", ModuleType("google")), ("google.colab", colab)):
        monkeypatch.setitem(sys.modules, name, module)
    names: dict[str, Any] = dict(OPENING)
    sizes = []
    for _ in range(2):
        exec(source("PHOTO"), names)
        sizes.append((names["photo"].image.size, names["is_drawn"]))
    assert sizes == [((320, 300), False), ((512, 512), True)]


def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    monkeypatch.setenv("ZPLUS_OFFLINE", "1")
    folder = tmp_path / "here"
    folder.mkdir()
    ran = notebook()
    for cell in ran.cells:  # with less work
        cell.source = cell.source.replace("steps=80", "steps=8").replace("np.linspace(0, 4, 9)", "np.linspace(0, 4, 5)")
    assert sum("steps=8" in cell.source or "(0, 4, 5)" in cell.source for cell in ran.cells) == 2
    ran.cells.append(nbformat.v4.new_code_cell(MEASURED))
    NotebookClient(ran, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()

    outputs = [output for cell in ran.cells if cell.cell_type == "code" for output in cell.outputs]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 5  # aligned, inverted, edited, compared, pasted
    text = "".join(output.text for output in outputs if output.get("name") == "stdout")
    assert "Drawn portraits are aligned already" in text
    assert "opened again gives the same picture: True" in text

    measured = json.loads(text.splitlines()[-1])
    assert measured["change"] > 0.02
    for space in ("f/wplus", "f/zplus"):
        change, identity = measured["reached"][space]
        assert change == pytest.approx(measured["change"], abs=0.03) and 0.5 < identity <= 1

    (results,) = folder.iterdir()
    assert {file.name for file in results.iterdir()} == {"photo.zplus.npz", "edited.zplus.npz", "pasted.png"}
    found = zplus.Inversion.load(results / "photo.zplus.npz")
    edited = zplus.Inversion.load(results / "edited.zplus.npz")
    assert found.point.space.title == "F/Z+" and found.about[0]["alignment"]["photo_size"] == [512, 512]
    assert [one["name"] for one in edited.about[0]["edits"][0]["directions"]] == ["smile"]
    assert not torch.equal(found.tensor(), edited.tensor())
    names: dict[str, Any] = dict(OPENING)
    exec(source("PHOTO"), names)
    with Image.open(results / "pasted.png") as pasted:
        change = np.abs(np.asarray(pasted, dtype=int) - np.asarray(names["photo"].rgb, dtype=int)).max(axis=-1)
    assert change.shape == (512, 512) and change[100:400, 100:400].max() > 20
    assert change[[0, -1]].max() == 0 and change[:, [0, -1]].max() == 0  # it fades out towards the edge
