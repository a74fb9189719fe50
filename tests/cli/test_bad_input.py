"""What nobody should give to ``zplus invert | compare | directions | edit``: one clear message, and nothing is left."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.commands import GENERATOR, done, zplus
from support.outcome import refused
from zplus_plugins.inversion import Model, statistics_of
from zplus_plugins.inversion import batches as inverting
from zplus_plugins.portraits.networks.files import save
from zplus_plugins.system.results import BOOK

COMMANDS: dict[str, tuple[object, ...]] = {
    "invert": ("invert", "--steps", 1, "--likeness", "none"),
    "compare": ("compare", "--steps", 1, "--without-lpips", "--spaces", "wplus"),
    "directions": ("directions", "--components", 1, "--no-preview"),
    "edit": ("edit", "inverted/anna.zplus.npz", "--direction", "found_generator/ganspace-00.zplus.npz"),
}
OF_PICTURES = ("invert", "compare")
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """No work may be spent: no picture is made."""
    monkeypatch.setattr(Model, "pictures", lambda *args: pytest.fail("work was spent"))


def command(name: str, *more: object, pictures: str = "faces", generator: str = "generator.pt") -> tuple[object, ...]:
    given = (pictures,) if name in OF_PICTURES else ()
    return (*COMMANDS[name], *given, "--generator", generator, "--out", "out", *more)


def _png(pixels: np.ndarray) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(pixels).save(path)


def _corrupt(path: Path) -> None:
    _png(PIXELS)(path)
    path.write_bytes(path.read_bytes()[:300])


def _huge(path: Path) -> None:
    Image.new("1", (9_500, 9_500)).save(path)


PICTURES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no image": (lambda path: path.write_text("a picture of nothing"), "is not an image"),
    "not bytes": (Path.touch, "is empty (0 bytes)"),
    "wrong size": (_png(PIXELS[:8, :8]), "8 x 8 pixels; the generator's images have 16 x 16"),
    "oblong": (_png(PIXELS[:8]), "16 x 8 pixels"),
    "alpha": (_png(np.dstack([PIXELS, PIXELS[..., 0]])), "partly transparent"),
    "huge": (_huge, "more than 89 million pixels"),
    "corrupt": (_corrupt, "cannot be read: "),
    "empty folder": (Path.mkdir, "There is no image in the folder"),
    "absent": (lambda path: None, "There is no image or folder"),
}


@pytest.mark.parametrize("what", PICTURES)
@pytest.mark.parametrize("name", OF_PICTURES)
@pytest.mark.usefixtures("idle")
def test_pictures_that_are_none(material: Path, name: str, what: str) -> None:
    spoil, reason = PICTURES[what]
    spoil(material / "spoilt.png")
    options = ["--resize"] if what == "huge" else []
    refused(zplus(*command(name, *options, pictures="spoilt.png")), 1, reason, "spoilt.png")
    assert not (material / "out").exists()


@pytest.mark.parametrize("name", OF_PICTURES)
def test_grey_pictures_of_8_and_16_bits_are_welcome(material: Path, name: str) -> None:
    (material / "grey").mkdir()
    _png(PIXELS[..., 0])(material / "grey" / "coarse.png")
    _png(PIXELS[..., 0].astype(np.uint16) * 257)(material / "grey" / "fine.png")
    done(*command(name, pictures="grey"))


class _Runs:
    """A pickle of it makes a folder when it is loaded by pickle."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("ran",)


def _truncated(path: Path) -> None:
    path.write_bytes(Path("generator.pt").read_bytes()[:9000])


def _of_nan(path: Path) -> None:
    state = {name: tensor.clone() for name, tensor in GENERATOR.state_dict().items()}
    state["const"][0] = torch.nan
    save(path, {"architecture": asdict(GENERATOR.architecture), "state": state})


GENERATORS: dict[str, tuple[Callable[[Path], object], str]] = {
    "unknown kind": (lambda path: save(path, {"weights": torch.ones(3)}), "no supported generator"),
    "truncated": (_truncated, "truncated, damaged"),
    "not bytes": (Path.touch, "is empty (0 bytes)"),
    "runs a command": (lambda path: path.write_bytes(pickle.dumps({"G_ema": _Runs()})), "none of it was run"),
    "runs a command, in a file of torch": (lambda path: torch.save(_Runs(), path), "none of it was run"),
    "NaN": (_of_nan, "NaN"),
    "absent": (lambda path: None, "docs/weights.md of zplus-plugins says which there are"),
}


@pytest.mark.parametrize("what", GENERATORS)
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.usefixtures("idle")
def test_generators_that_are_none(material: Path, name: str, what: str) -> None:
    spoil, reason = GENERATORS[what]
    spoil(material / "spoilt.pt")
    refused(zplus(*command(name, generator="spoilt.pt")), 1, reason, "spoilt.pt")
    assert not (material / "ran").exists() and not (material / "out").exists()
    if "runs" in what:
        pickle.loads(pickle.dumps(_Runs()))
        assert (material / "ran").exists()  # it would have


@pytest.mark.parametrize("name", ["invert", "edit"])
def test_a_folder_for_the_results_that_is_not_named(material: Path, name: str) -> None:
    *words, _, _ = command(name)
    done = zplus(*words)
    assert done.exit_code == 2
    assert "Missing option '--out'. Name a folder for the results, such as --out results" in done.output


def test_a_direction_of_another_generator_and_one_of_nan(material: Path) -> None:
    other = Path("found_other/ganspace-00.zplus.npz")
    with np.load(other) as file:
        np.savez("nan.npz", **{**file, "z": np.full_like(file["z"], np.nan)})
    for direction, reason in ((other, "belongs to the generator"), (Path("nan.npz"), "contains NaN")):
        refused(zplus(*command("compare", "--direction", direction)), 1, reason)
        refused(zplus(*command("edit", "--direction", direction)), 1, reason)
    assert not (material / "out").exists()


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.usefixtures("idle")
def test_a_folder_that_cannot_be_written_is_refused_at_once(material: Path, name: str) -> None:
    (material / "file").write_text("no folder")
    refused(zplus(*command(name, "--out", "file/out")), 1, "Cannot write to file/out", "Not a directory")
    result = zplus(*command(name, "--out", "file"))
    assert result.exit_code == 2 and "'file' is a file" in result.output
    assert (material / "file").read_text() == "no folder"


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.usefixtures("idle")
def test_a_gpu_that_is_not_there_is_refused(material: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    refused(zplus(*command(name, "--device", "cuda")), 1, "--device cuda: torch sees no CUDA device", "--device cpu")
    assert not (material / "out").exists()


@pytest.mark.parametrize(
    ("name", "options", "part"),
    [
        ("invert", ("--steps", 0), "--steps"),
        ("invert", ("--steps", -1), "--steps"),
        ("invert", ("--space", "nothing"), "expected one of z, zplus"),
        ("invert", ("--device", "tpu"), "--device"),
        ("compare", ("--steps", 0), "--steps"),
        ("compare", ("--spaces", "nothing"), "expected one of z, zplus"),
        ("compare", ("--spaces", ""), "--spaces names no space"),
        ("compare", ("--pictures", 0), "--pictures"),
        ("compare", ("--pictures", 10**9), "--pictures"),
        ("compare", ("--seed", 2**70), "--seed"),
        ("compare", ("--seed", -1), "--seed"),
        ("compare", ("--margin", "nan"), "--margin"),
        ("compare", ("--margin", 0), "--margin"),
        ("compare", ("--generator", "faces"), "--generator"),
        ("directions", ("--components", 0), "--components"),
        ("directions", ("--seed", 2**70), "--seed"),
        ("edit", ("--strength", "3:-3:0"), "--strength"),
        ("edit", ("--strength", "abc"), "--strength"),
        ("edit", ("--strength", "1e30"), "--strength"),
    ],
)
@pytest.mark.usefixtures("idle")
def test_absurd_options(material: Path, name: str, options: tuple[object, ...], part: str) -> None:
    result = zplus(*command(name, *options))
    assert result.exit_code == 2 and part in result.output and "Traceback" not in result.output
    assert not (material / "out").exists()


@pytest.mark.parametrize(
    ("name", "more", "pictures", "out"),
    [
        ("invert", ("--likeness", "lpips"), "spoilt.png", "out"),
        ("invert", ("--likeness", "lpips"), "faces", "generator.pt/out"),
        ("compare", (), "spoilt.png", "out"),
        ("compare", ("--direction", "absent.npz"), "faces", "out"),
    ],
)
def test_nothing_is_downloaded_for_what_is_refused(
    material: Path, monkeypatch: pytest.MonkeyPatch, name: str, more: tuple[str, ...], pictures: str, out: str
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(material / "torch_home"))
    (material / "spoilt.png").write_text("no picture")
    result = zplus(name, pictures, "--generator", "generator.pt", *more, "--out", out)
    assert result.exit_code == 1 and "zplus: error:" in result.output, result.output
    assert not (material / "torch_home").exists()  # torch makes it before it downloads


@pytest.mark.parametrize(("name", "more"), [("invert", ("--likeness", "lpips")), ("invert", ()), ("compare", ())])
def test_off_line_the_weights_of_lpips_are_asked_for(material: Path, name: str, more: tuple[str, ...]) -> None:
    result = zplus(name, "faces", "--generator", "generator.pt", *more, "--out", "out")
    parts = ("vgg16-397923af.pth is missing and cannot be downloaded", "Download https://download.pytorch.org/models")
    refused(result, 1, *parts)
    assert not (material / "out").exists()


def test_resizing_is_for_pictures(material: Path) -> None:
    refused(zplus("compare", "--resize", "--out", "out"), 2, "--resize applies to IMAGES")
    assert not (material / "out").exists()


def test_a_space_that_is_named_twice_is_compared_once(material: Path) -> None:
    done(*command("compare", "--spaces", "w, w"))
    assert len((material / "out" / "table.csv").read_text().splitlines()) == 2


def _fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)


def test_a_full_disk_ends_a_comparison_clearly(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill_disk(monkeypatch)
    refused(zplus(*command("compare")), 1, "Cannot write to out/parts: No space left on device")
    assert not (material / "out").exists()


def test_a_full_disk_keeps_statistics_from_the_cache_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZPLUS_CACHE_DIR", str(tmp_path))
    _fill_disk(monkeypatch)
    assert statistics_of(GENERATOR).w_spread > 0


def _interrupt_second(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    whole, calls = module.invert, []

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return whole(*args, **kwargs)

    monkeypatch.setattr(module, "invert", interrupted)


def test_an_interrupted_inversion_leaves_whole_results_and_goes_on(
    material: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _interrupt_second(patch, inverting)
        result = zplus(*command("invert"), "--batch", 1)
    assert result.exit_code == 130 and "interrupted" in result.stderr and "Traceback" not in result.output
    assert {path.name for path in (material / "out").iterdir()} == {BOOK, "anna.zplus.npz", "anna.zplus.png"}
    done(*command("invert"), "--batch", 1)
    assert len(list((material / "out").iterdir())) == 4 + 1


def test_an_interrupted_first_inversion_leaves_nothing(material: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(inverting, "invert", interrupted)
    assert zplus(*command("invert")).exit_code == 130
    assert not (material / "out").exists()
