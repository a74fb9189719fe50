"""What scripts need: every finding names the thing, what was found, and what to do."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zplus_plugins.upstreams.adapter.protocols import TRUSTED, FileRequirement, Requirement
from zplus_plugins.upstreams.requirements.arguments import OneOf, PowerOfTwo
from zplus_plugins.upstreams.requirements.files import (
    Checkpoint,
    DnnlibDownload,
    Folder,
    HubWeights,
    SavedFeatures,
    Writable,
)
from zplus_plugins.upstreams.requirements.pickles import PickleFile, read_number
from zplus_plugins.upstreams.requirements.pictures.images import ImageList
from zplus_plugins.upstreams.requirements.pictures.readers import OPENCV


def texts(need: Requirement, kind: str = "missing", **arguments: Any) -> list[str]:
    return [finding.text for finding in need.check(arguments) if finding.kind == kind]


def test_folder(tmp_path: Path) -> None:
    need = Folder("{root}", ("mean.npy", "*.pt"), what="statistics", remedy="Compute them for {model}.")
    (tmp_path / "mean.npy").touch()
    (found,) = texts(need, root=tmp_path, model="ffhq")
    assert found.startswith(f"The statistics in {tmp_path}: ") and found.endswith(" Compute them for ffhq.")
    assert "*.pt" in found and "mean.npy" not in found
    (tmp_path / "a.pt").touch()
    assert texts(need, root=tmp_path, model="ffhq") == []


@pytest.fixture
def encoder() -> Checkpoint:
    return Checkpoint("{encoder}", what="encoder", remedy="Train it.", keys=("encoder", "encoder_ema"))


@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoint(tmp_path: Path, encoder: Checkpoint, zipped: bool) -> None:
    path = tmp_path / "encoder.pth"
    torch.save({"encoder": {"w": torch.ones(2)}, "epoch": 3}, path, _use_new_zipfile_serialization=zipped)
    assert texts(encoder, encoder=path) == []
    torch.save({"generator": 1}, path, _use_new_zipfile_serialization=zipped)
    (found,) = texts(encoder, encoder=path)
    assert found.startswith(f"The encoder {path} ") and found.endswith(" Train it.")
    assert "expected encoder or encoder_ema in it, found generator." in found


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "there is no file"),
        (b"", "is empty (0 bytes)"),
        (b"<html>", "(6 bytes) is a web page, probably from a failed download. Download it again."),
        (b"\x80\2", "(2 bytes) cannot be read as a checkpoint"),
        ("folder", "is a folder"),
    ],
)
def test_damaged_checkpoints(tmp_path: Path, encoder: Checkpoint, content: Any, expected: str) -> None:
    path = tmp_path / "encoder.pth"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    (found,) = texts(encoder, encoder=path)
    assert expected in found
    assert found.endswith("Train it.")


def test_checkpoints_that_hold_a_program(tmp_path: Path, encoder: Checkpoint) -> None:
    path = tmp_path / "encoder.pth"
    torch.save({"encoder": torch.nn.ReLU()}, path)
    (found,) = texts(encoder, encoder=path)
    assert f"The encoder {path} ({path.stat().st_size:,} bytes) holds more than weights: torch.nn" in found
    assert f"--trust-checkpoint {path} before the script" in found
    assert texts(encoder, **{"encoder": path, TRUSTED: (path.resolve(),)}) == []
    assert len(texts(encoder, **{"encoder": path, TRUSTED: (tmp_path / "another.pth",)})) == 1


def test_truncated_checkpoint(tmp_path: Path, encoder: Checkpoint) -> None:
    path = tmp_path / "encoder.pth"
    torch.save({"encoder": torch.ones(1000)}, path)
    path.write_bytes(path.read_bytes()[:1000])
    assert "cannot be read as a checkpoint" in texts(encoder, encoder=path)[0]


def test_a_downloadable_checkpoint_is_only_noted(tmp_path: Path) -> None:
    need = Checkpoint("{c}", what="generator", remedy="", downloadable=True)
    assert texts(need, c=tmp_path / "absent.pth") == []
    assert "will try to download" in texts(need, "download", c=tmp_path / "absent.pth")[0]
    (tmp_path / "empty.pth").touch()
    assert "is empty" in texts(need, c=tmp_path / "empty.pth")[0]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.jpg", "a.jpg"):
        Image.new("RGB", (4, 4)).save(name)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    return tmp_path


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a.png\nb.jpg", []),
        ("a.png\nabsent.png\n", ["line 2: there is no image absent.png"]),
        ("a.png\n\nb.jpg\n", ["line 2: is blank"]),
        ("text.png\ncut.png\n", ["line 1: text.png is not", "line 2: cut.png"]),
        ("", ["test.list is empty"]),
        ("\n \n", ["test.list is empty"]),
    ],
)
def test_image_list(pictures: Path, content: str, expected: list[str]) -> None:
    (pictures / "test.list").write_text(content)
    found = texts(ImageList("{images}", remedy="Make one.", reader=OPENCV), images="test.list")
    assert len(found) == len(expected)
    assert all(part in text for part, text in zip(expected, found, strict=True))


def test_image_lists_that_are_none(pictures: Path) -> None:
    need = ImageList("{images}", remedy="Make one.", reader=OPENCV)
    assert texts(need, images="absent.list")[0].endswith("No such file or directory. Make one.")
    (pictures / "binary.list").write_bytes(b"\xff\xfe\x00")
    assert "binary.list is not a text file" in texts(need, images="binary.list")[0]


def test_results_that_would_overwrite_each_other_are_noted(pictures: Path) -> None:
    (pictures / "test.list").write_text("a.png\na.jpg\n")
    (note,) = texts(ImageList("{images}", remedy="", reader=OPENCV), "note", images="test.list")
    assert "both are named a" in note


@pytest.mark.parametrize(("size", "fits"), [(8, True), (64, True), (4, False), (12, False), (128, False), (0, False)])
def test_power_of_two(size: int, fits: bool) -> None:
    need = PowerOfTwo("size", at_least=8, at_most=lambda arguments: 64, what="base code's size")
    findings = need.check({"size": size})
    assert [finding.usage for finding in findings] == [] if fits else [True]
    if not fits:
        assert findings[0].text.startswith(f"--size {size} ")
        assert "base code's size" in findings[0].text and "power of two, from 8 to 64" in findings[0].text


def test_one_of() -> None:
    need = OneOf("kind", ("w", "z"), why="the rest optimises nothing.")
    assert need.check({"kind": "w"}) == []
    (found,) = need.check({"kind": "w+"})
    assert found.usage
    assert found.text == "kind is 'w+', expected 'w' or 'z': the rest optimises nothing."


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (pickle.dumps({"a": 1}), ""),
        (b"", "is empty (0 bytes)"),
        (b"\x80\x04\x95", "is empty, truncated or no"),
        (b"\x80\x04\x8e" + bytes(7) + b"@", "is empty, truncated or no"),
        (pickle.dumps(bytes(3_000_000))[:-1_000_000], "is empty, truncated or no"),
        (b"0" * 9, "is empty, truncated or no"),
        (b"<html>quota exceeded</html>", "download quota"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
    ],
)
def test_pickle_file(tmp_path: Path, content: bytes, problem: str) -> None:
    need = PickleFile("{pkl}", what="generator pickle", remedy="Download it.")
    (tmp_path / "g.pkl").write_bytes(content)
    found = texts(need, pkl=tmp_path / "g.pkl")
    assert bool(found) == bool(problem)
    assert not found or (problem in found[0] and found[0].endswith(" Download it."))
    assert "there is no file" in texts(need, pkl=tmp_path / "absent.pkl")[0]


def test_a_number_is_found_in_the_next_frame(tmp_path: Path) -> None:
    frame = b"\x95" + (2).to_bytes(8, "little")
    (tmp_path / "g.pkl").write_bytes(b"\x80\x04}\x8c\x01a\x94" + frame + b"K\x40s.")
    assert pickle.loads((tmp_path / "g.pkl").read_bytes()) == {"a": 64}
    assert read_number(tmp_path / "g.pkl", "a") == 64


def test_saved_features(tmp_path: Path) -> None:
    need = SavedFeatures("{out}/f", images="{out}/pictures/*.png", size="base", used="use_f")
    for folder in ("f", "pictures"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b"):
        (tmp_path / "pictures" / f"{name}.png").touch()
    np.save(tmp_path / "f" / "a.npy", np.zeros((1, 3, 8, 8)))
    np.save(tmp_path / "f" / "b.npy", np.zeros((1, 3, 8, 8)))
    arguments = {"out": tmp_path, "use_f": True}
    assert need.check({**arguments, "base": 8}) == []
    findings = need.check({**arguments, "base": 16})
    assert [finding.usage for finding in findings] == [True, True]
    assert "--base 16 " in findings[0].text and "(1, 3, 8, 8)" in findings[0].text
    assert findings[0].text.endswith(" --base 8.")
    (tmp_path / "f" / "b.npy").unlink()
    (found,) = texts(need, **arguments, base=8)
    assert "b.npy cannot be read" in found
    assert need.check({**arguments, "use_f": False, "base": 16}) == []


def test_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need = Writable("{out}", fallback=str(tmp_path))
    assert texts(need, out=tmp_path / "new" / "folder") == []
    assert texts(need, out="") == []
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'} is a file" in texts(need, out=tmp_path / "file" / "x")[0]
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    assert "is read-only" in texts(need, out=tmp_path / "x")[0]


def test_hub_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    need = HubWeights("vgg16.pth", what="LPIPS weights")
    assert str(tmp_path / "hub" / "checkpoints" / "vgg16.pth") in texts(need, "download")[0]
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "vgg16.pth").touch()
    assert texts(need, "download") == []


def test_dnnlib_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DNNLIB_CACHE_DIR", str(tmp_path))
    need = DnnlibDownload("https://example.org/metrics/vgg16.pt", what="VGG-16 features")
    (found,) = need.asks_for({})
    assert (found.path.parent, found.present) == (tmp_path / "downloads", False)
    assert "https://example.org/metrics/vgg16.pt" in texts(need, "download")[0]
    assert str(found.path) in texts(need, "download")[0]
    found.path.parent.mkdir()
    other = found.path.with_name(found.path.name.replace("vgg16.pt", "https___example.org_metrics_vgg16.pt"))
    other.touch()  # named otherwise by the script itself: the hash is what counts
    assert texts(need, "download") == []
    assert [(file.path, file.present) for file in need.asks_for({})] == [(other, True)]


def test_files_are_listed_there_or_not(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "empty.pkl").touch()
    (tmp_path / "list").write_text(f"{tmp_path / 'a.png'}\n{tmp_path / 'b.png'}\n")
    needs: list[FileRequirement] = [
        Folder("{d}", ("*.png", "*.npy"), what="results", remedy="Invert."),
        Checkpoint("{d}/absent.pth", what="encoder", remedy="Train it."),
        PickleFile("{d}/empty.pkl", what="generator", remedy="Download it."),
        ImageList("{d}/list", remedy="Make one.", reader=OPENCV),
        ImageList("{d}/no_list", remedy="Make one.", reader=OPENCV),
        SavedFeatures("{d}/f", images="{d}/*.png", size="size", used="use"),
    ]
    found = [
        (str(file.path.relative_to(tmp_path)), file.present)
        for need in needs
        for file in need.asks_for({"d": tmp_path, "use": True})
    ]
    assert found == [
        ("*.png", True),
        ("*.npy", False),
        ("absent.pth", False),
        ("empty.pkl", False),
        ("list", True),
        ("a.png", True),
        ("b.png", False),
        ("no_list", False),
        ("f/a.npy", False),
    ]
    assert needs[0].asks_for({"d": tmp_path})[1].source == "Invert."
    assert all(isinstance(need, FileRequirement) for need in needs)
    assert not isinstance(Writable("x"), FileRequirement)
