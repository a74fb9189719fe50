"""``zplus compare`` on images in files: read for each part, and shared out among processes."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from support.commands import zplus
from support.comparisons import tiny_instruments, tiny_model, tiny_pictures, tiny_plan
from support.outcome import files, refused
from zplus_plugins.compare import PictureSet
from zplus_plugins.compare.work import measuring
from zplus_plugins.compare.work.part import as_bytes
from zplus_plugins.compare.work.pictures import StreamedPictures
from zplus_plugins.errors import RequirementError
from zplus_plugins.inversion import picture_files
from zplus_plugins.inversion.images import read_pictures

pytestmark = pytest.mark.usefixtures("short_chases")
N = 11  # two batches of a comparison


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images, and the file of a generator."""
    monkeypatch.chdir(tmp_path)
    generator = tiny_model().generator
    torch.save({"architecture": asdict(generator.architecture), "state": generator.state_dict()}, "generator.pt")
    (tmp_path / "many").mkdir()
    for index, pixels in enumerate(as_bytes(tiny_pictures(N))):
        Image.fromarray(pixels).save(f"many/{index:02}.png")
    return tmp_path / "many"


@pytest.fixture
def streamed(folder: Path) -> StreamedPictures:
    return StreamedPictures.of(sorted(folder.iterdir()), 16, False, 2)


def compare(*more: object, out: str = "out") -> Any:
    common = ("--generator", "generator.pt", "--without-lpips", "--spaces", "f/zplus,f/wplus", "--steps", 1)
    return zplus("compare", "many", *common, "--workers", 1, "--out", out, *more)


def test_they_are_those_that_memory_would_hold(folder: Path, streamed: StreamedPictures) -> None:
    whole = read_pictures([folder], 16)
    assert len(streamed) == N and torch.equal(streamed.first, whole[:2])
    for part in (slice(0, 2), slice(1, 5), slice(8, 16), slice(None), slice(None, 1)):
        assert torch.equal(streamed[part], whole[part])
    assert torch.equal(pickle.loads(pickle.dumps(streamed))[3:5], whole[3:5])
    model, instruments, plan = tiny_model(), tiny_instruments(), tiny_plan()
    settings = [
        replace(plan, sets=(PictureSet("p", "P", pictures),)).identified(model, instruments)
        for pictures in (whole, streamed)
    ]
    assert settings[0] == settings[1]  # so that parts of earlier versions go on


def test_the_first_are_kept_and_the_others_are_read(folder: Path, streamed: StreamedPictures) -> None:
    for file in folder.iterdir():
        file.unlink()
    assert streamed[:2].shape == (2, 3, 16, 16)
    with pytest.raises(RequirementError, match=r"there is no image .*02\.png"):
        streamed[2:4]


def test_one_that_changes_is_named(folder: Path, streamed: StreamedPictures) -> None:
    Image.new("RGB", (16, 16)).save(folder / "05.png")
    assert len(streamed[6:8]) == 2
    with pytest.raises(RequirementError, match=r"05\.png has changed since it was checked"):
        streamed[4:8]


@pytest.mark.usefixtures("folder")
def test_a_comparison_reads_a_batch_for_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    read, counts = picture_files.PictureFiles.__getitem__, []

    def counted(self: picture_files.PictureFiles, part: slice) -> torch.Tensor:
        pictures = read(self, part)
        counts.append(len(pictures))
        return pictures

    monkeypatch.setattr(picture_files.PictureFiles, "__getitem__", counted)
    assert compare().exit_code == 0
    assert counts == [8, 8, 3, 3]


@pytest.mark.usefixtures("folder")
def test_shards_share_the_parts_and_the_last_one_reports() -> None:
    assert compare(out="whole").exit_code == 0
    first = compare("--shard", "2/3", "--json")
    assert first.exit_code == 0 and json.loads(first.stdout) == {"format": 1, "finished": 1, "parts": 4}
    assert "1 of 4 parts are finished; when all are, run without --shard for the report" in first.stderr
    assert "2 of 4 parts are finished" in compare("--shard", "3/3").stderr
    assert not [name for name in files(Path("out")) if not name.startswith(("parts/", "."))]
    last = compare("--shard", "1/3")
    assert last.exit_code == 0 and "out/report.html" in last.stdout
    assert _measured("out") == _measured("whole")


@pytest.mark.usefixtures("folder")
def test_what_shards_have_made_is_known_to_who_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for index in (1, 2):
        assert compare("--shard", f"{index}/2").exit_code == 0
    monkeypatch.setattr(measuring, "invert", lambda *args, **kwargs: pytest.fail("made again"))
    assert compare().exit_code == 0
    refused(compare("--shard", "1/2", "--steps", 2), 2, "setting steps was 1, is 2")
    refused(compare("--shard", "1/2", "--overwrite"), 2, "--overwrite deletes all parts")


def _measured(folder: str) -> dict[str, Any]:
    """All but how long it took."""
    content: dict[str, Any] = json.loads((Path(folder) / "results.json").read_text())
    del content["run"]
    return content
