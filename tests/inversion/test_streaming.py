"""``zplus invert`` on many images: read as they are needed, in batches that fit, by one process or several."""

from __future__ import annotations

import gc
import json
import pickle
import subprocess
import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from support.commands import done, zplus
from support.outcome import files, refused
from zplus_plugins.inversion import SPACES, Inversion, Settings, batches, fitting, picture_files
from zplus_plugins.inversion.batch_size import BatchSize
from zplus_plugins.inversion.domain import open_domain
from zplus_plugins.inversion.inverter import Step
from zplus_plugins.inversion.record import PointRecord
from zplus_plugins.system.results import BOOK

COMMON = ("--generator", "generator.pt", "--steps", 2, "--likeness", "none", "--space", "f/zplus")
INVERT = ("invert", "many", *COMMON)
N = 11


@pytest.fixture
def many(material: Path) -> Path:
    """A folder with images."""
    (material / "many").mkdir()
    stream = np.random.default_rng(0)
    for index in range(N):
        pixels = stream.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(material / "many" / f"{index:02}.png")
    return material / "many"


def results(folder: str) -> dict[str, bytes]:
    return {name: content for name, content in files(Path(folder)).items() if not name.startswith(".zplus-results")}


def stated(folder: str) -> list[str | None]:
    """The batch that each image's results state."""
    lines = (Path(folder) / BOOK).read_text().splitlines()
    return [json.loads(line)["settings"].get("batch") for line in lines]


def too_small_for(most: int, error: Exception) -> Callable[..., Inversion]:
    whole = batches.invert

    def inverted(model: Any, space: Any, targets: Tensor, *args: Any, on_step: Any, **kwargs: Any) -> Inversion:
        on_step(Step(1, torch.zeros(len(targets)), model.start(space, len(targets)), model))
        if len(targets) > most:
            raise error
        return whole(model, space, targets, *args, on_step=on_step, **kwargs)

    return inverted


class TestMemory:
    @pytest.mark.usefixtures("many")
    def test_holds_the_images_of_one_batch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        read, alive, most = picture_files.read_picture, 0, 0

        def count(change: int) -> None:
            nonlocal alive, most
            alive += change
            most = max(most, alive)

        def counted(*args: Any) -> Tensor:
            gc.collect(0)
            picture = read(*args)
            count(1)
            weakref.finalize(picture, count, -1)
            return picture

        monkeypatch.setattr(picture_files, "read_picture", counted)
        done(*INVERT, "--batch", 3, "--out", "out")
        assert len(results("out")) == 2 * N and most == 3

    @pytest.mark.usefixtures("many")
    def test_decides_how_many_are_inverted_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fitting, "bytes_per_image", lambda *args: 1e9)
        for free, images in ((100e9, None), (8e9, "4"), (1e9, "1"), (0, "1"), (None, None)):
            monkeypatch.setattr(fitting, "free_memory", lambda device, free=free: free)
            result = zplus(*INVERT, "--out", str(images), "--overwrite")
            assert result.exit_code == 0 and stated(str(images))[-N:] == [images] * N
            assert (f"{images} images at a time: cpu has" in result.stderr) == (images is not None)
        assert results("4") == {name: results("4")[name] for name in results("None")}
        done(*INVERT, "--batch", 4, "--out", "asked")
        assert results("asked") == results("4") and stated("asked") == ["4"] * N

    @pytest.mark.usefixtures("many")
    def test_is_asked_for_only_where_nothing_was_decided(self, monkeypatch: pytest.MonkeyPatch) -> None:
        done("invert", "many/00.png", *COMMON, "--batch", 2, "--out", "out")
        monkeypatch.setattr(fitting, "free_memory", lambda device: pytest.fail("not needed"))
        result = zplus(*INVERT, "--out", "out")
        assert "2 images at a time, as for the results that are there" in result.stderr
        assert stated("out") == ["2"] * N
        assert "batch was 2, is 4" in zplus(*INVERT, "--batch", 4, "--out", "out").stderr

    @pytest.mark.skipif(sys.platform != "linux", reason="measured by /proc")
    def test_of_an_image_is_what_it_was_estimated_to_be(self) -> None:
        measured, estimated = map(float, subprocess.check_output([sys.executable, "-c", MEASURED]).split())
        assert 0.5 * measured < estimated < 2 * measured


MEASURED = """
import torch
from pathlib import Path
from zplus_plugins.generators import Architecture, Generator
from zplus_plugins.inversion import Model, Settings, SPACES, invert
from zplus_plugins.inversion.domain import Domain
from zplus_plugins.inversion.fitting import bytes_per_image
from zplus_plugins.spaces.statistics import compute

torch.set_num_threads(1)
torch.manual_seed(0)
generator = Generator(Architecture(64, (64,) * 5, z_dim=16, w_dim=16, mapping_layers=2)).eval().requires_grad_(False)
model, space = Model(generator, compute(generator, codes=64)), SPACES["f/zplus"]
estimated = bytes_per_image(Domain(model), space, Settings())

def resident(name):
    return next(int(line.split()[1]) * 1024 for line in Path("/proc/self/status").open() if line.startswith(name))

before = resident("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
invert(model, space, torch.zeros(8, 3, 64, 64), Settings(steps=1))
print((resident("VmHWM") - before) / 8, estimated)
"""


class TestOutOfMemory:
    @pytest.mark.usefixtures("many")
    @pytest.mark.parametrize(
        "error", [torch.cuda.OutOfMemoryError("CUDA out of memory."), RuntimeError("not enough memory: you tried")]
    )
    def test_halves_the_batches(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        done(*INVERT, "--batch", 2, "--out", "two")
        with monkeypatch.context() as patch:
            patch.setattr(batches, "invert", too_small_for(3, error))
            result = zplus(*INVERT, "--out", "out")
        assert result.exit_code == 0 and stated("out") == ["2, because 8 did not fit"] * N
        assert result.stderr.count("8 images at a time did not fit into memory: going on with 2.") == 1
        assert pixels("out") == pixels("two") and codes("out") == codes("two")
        for batch in ("auto", 8, 2):  # what was asked for, and what it has become
            assert f"{N} of {N} images were inverted before" in zplus(*INVERT, "--batch", batch, "--out", "out").stderr
        refused(zplus(*INVERT, "--batch", 4, "--out", "out"), 2, "batch was 2, because 8 did not fit, is 4")

    @pytest.mark.usefixtures("many")
    def test_goes_on_where_it_was(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batches, "invert", too_small_for(2, MemoryError()))
        done(*INVERT, "--out", "out")
        Path("out/05.zplus.npz").unlink()
        asked: list[int] = []

        def inverted(model: Any, space: Any, targets: Tensor, *args: Any, **kwargs: Any) -> None:
            asked.append(len(targets))
            raise KeyboardInterrupt

        monkeypatch.setattr(batches, "invert", inverted)
        assert zplus(*INVERT, "--batch", 8, "--out", "out").exit_code == 130 and asked == [2]

    @pytest.mark.usefixtures("many")
    def test_of_a_single_image_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batches, "invert", too_small_for(0, MemoryError()))
        refused(zplus(*INVERT, "--out", "out"), 1, "One image does not fit into the memory of cpu", "--likeness none")
        assert not Path("out").exists()

    @pytest.mark.usefixtures("many")
    def test_is_told_from_other_errors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(batches, "invert", too_small_for(0, RuntimeError("shapes do not match")))
        assert isinstance(zplus(*INVERT, "--out", "out").exception, RuntimeError)


class TestOneImage:
    def test_that_changes_after_it_was_checked_is_named(self, many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = batches.invert

        def inverted(*args: Any, **kwargs: Any) -> Inversion:
            Image.new("RGB", (16, 16)).save(many / "05.png")
            return whole(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(batches, "invert", inverted)
            refused(zplus(*INVERT, "--batch", 2, "--out", "out"), 1, "many/05.png has changed since it was checked")
        assert {name[:2] for name in results("out")} == {f"{n:02}" for n in range(N) if n not in (4, 5)}
        done(*INVERT, "--out", "out")
        assert len(results("out")) == 2 * N

    @pytest.mark.usefixtures("many")
    def test_that_diverges_is_named_and_its_neighbours_are_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = batches.invert

        def inverted(*args: Any, **kwargs: Any) -> Inversion:
            found = whole(*args, **kwargs)
            code = found.point.code.clone()
            code[1] = torch.nan
            return replace(found, point=replace(found.point, code=code))

        with monkeypatch.context() as patch:
            patch.setattr(batches, "invert", inverted)
            refused(zplus(*INVERT, "--out", "out"), 1, "many/01.png: The code contains NaN", "many/09.png: The code")
        assert {name[:2] for name in results("out")} == {f"{n:02}" for n in range(N) if n not in (1, 9)}


class TestShards:
    @pytest.mark.usefixtures("many")
    @pytest.mark.parametrize("batch", ["auto", 2, 3])
    def test_together_give_what_one_process_gives(self, batch: object) -> None:
        whole = done(*INVERT, "--batch", batch, "--out", "whole")
        printed = []
        for index in (3, 1, 2):
            printed += done(*INVERT, "--batch", batch, "--shard", f"{index}/3", "--out", "out")
        assert results("out") == results("whole")
        assert sorted(printed) == [name.replace("whole", "out") for name in whole]
        result = zplus(*INVERT, "--batch", batch, "--out", "out")
        assert f"{N} of {N} images were inverted before" in result.stderr

    def test_need_not_read_each_others_images(self, many: Path) -> None:
        """Unless which images are in a batch depends on which of them can be used."""
        for name in ("00.png", "10.png"):
            (many / name).write_text("no image")
        refused(zplus(*INVERT, "--shard", "1/2", "--out", "out"), 1, "00.png is not an image")
        refused(zplus(*INVERT, "--shard", "2/2", "--out", "out"), 1, "10.png is not an image")
        both = [done(*INVERT, "--shard", f"{index}/2", "--skip-bad", "--out", "out") for index in (1, 2)]
        assert [len(names) for names in both] == [8, 1]
        done(*INVERT, "--skip-bad", "--out", "whole")
        assert results("out") == results("whole")

    @pytest.mark.usefixtures("many")
    def test_may_be_more_than_batches(self) -> None:
        result = zplus(*INVERT, "--shard", "5/5", "--out", "out")
        assert result.exit_code == 0 and "shard 5/5 has no images" in result.stderr and not result.stdout
        assert not Path("out").exists()


def test_a_batch_can_be_inverted_by_any_process(tmp_path: Path) -> None:
    """The work, a batch and what comes of it can be pickled, and the commanding process alone writes files."""
    paths = [tmp_path / f"{index}.png" for index in range(2)]
    for path in paths:
        Image.effect_noise((64, 64), 50).convert("RGB").save(path)
    checked, _ = picture_files.checked(paths, 64)
    work = batches.BatchWork(open_domain(likeness="features"), SPACES["f/zplus"], Settings(steps=1))
    batch = batches.Batch(("a", "b"), checked, frozenset({"b"}), BatchSize())
    here = work(batch, lambda what, steps: None)
    elsewhere, same = pickle.loads(pickle.dumps((work, batch)))
    assert pickle.loads(pickle.dumps(elsewhere(same, lambda what, steps: None))) == here
    assert [one.name for one in here] == ["b"] and here[0].record[:2] == b"PK" and here[0].picture[1:4] == b"PNG"
    assert set(tmp_path.iterdir()) == set(paths)


@pytest.mark.parametrize("text", ["0", "-1", "2000", "1.5", "all", "²"])
@pytest.mark.usefixtures("many")
def test_what_is_no_size_of_a_batch(text: str) -> None:
    result = zplus(*INVERT, "--batch", text, "--out", "out")
    assert result.exit_code == 2 and "expected auto, or a number from 1 to 1024" in result.stderr


def pixels(folder: str) -> dict[str, bytes]:
    return {name: content for name, content in results(folder).items() if name.endswith(".png")}


def codes(folder: str) -> dict[str, bytes]:
    found = {path.name: PointRecord.load(path).point for path in sorted(Path(folder).glob("*.npz"))}
    return {name: point.code.numpy().tobytes() + point.f.numpy().tobytes() for name, point in found.items()}
