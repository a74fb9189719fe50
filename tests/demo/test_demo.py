"""``zplus demo``, with untrained networks in place of the embedded ones."""

from __future__ import annotations

import errno
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.commands import zplus
from support.comparisons import stand_in_for_embedded
from support.elsewhere import DEVICE, Elsewhere
from support.outcome import files, refused
from zplus_plugins.compare import prepare
from zplus_plugins.demo import command
from zplus_plugins.demo.trial import EDITS, MOST
from zplus_plugins.generators import Generator
from zplus_plugins.ops.choice import using
from zplus_plugins.portraits import draw, sample
from zplus_plugins.portraits.drawing.attributes import HELD_OUT_SEED
from zplus_plugins.portraits.networks.files import save, sheet
from zplus_plugins.system.device import Device
from zplus_plugins.system.results import BOOK

FILES = {
    *(f"{space}.{kind}" for space in ("f_wplus", "f_zplus") for kind in ("npz", "png")),
    "side_by_side.png",
    "summary.json",
    "target.png",
    BOOK,
}


@pytest.fixture(autouse=True)
def generator(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Generator:
    """What stands in for the embedded one; there are no weights of LPIPS, and few strengths."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch_home")))
    monkeypatch.setattr(command, "STRENGTHS", (-3.0, -1.5, 0.0, 1.5, 3.0))
    return stand_in_for_embedded(monkeypatch, tuple(EDITS))


def demo(out: Path, *arguments: object) -> tuple[str, dict[str, Any]]:
    """What the demo prints, and its summary."""
    result = zplus("demo", "--out", out, "--steps", 2, *arguments)
    assert result.exit_code == 0, result.output
    return result.output, json.loads((out / "summary.json").read_text())


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_held_out_portrait_in_both_spaces(tmp_path: Path) -> None:
    out = tmp_path / "out"
    output, summary = demo(out)
    assert set(files(out)) == FILES
    portrait = draw(sample(1, HELD_OUT_SEED + command.PORTRAIT))
    assert np.array_equal(pixels(out / "target.png"), np.asarray(sheet(portrait, 1)))
    wplus, zplus = (summary["spaces"][name] for name in ("f/wplus", "f/zplus"))
    for name, space in (("f_wplus", wplus), ("f_zplus", zplus)):
        gap = (pixels(out / f"{name}.png") / 127.5 - pixels(out / "target.png") / 127.5) ** 2
        assert space["mse"] == pytest.approx(gap.mean(), rel=1e-4)
        assert {"psnr", "ssim", "perceptual", "identity", "nscd"} <= set(space)
    assert wplus["max_sphere_error"] is None
    assert 0 < zplus["max_sphere_error"] <= 1e-5
    left_out = {text.split()[0] for text in summary["left_out"]}
    shown = [name for name in EDITS if name not in left_out][:MOST]
    assert shown and list(wplus["edits"]) == list(zplus["edits"]) == shown
    for name, edit in wplus["edits"].items():
        assert edit["title"] == EDITS[name][int(edit["change"] > 0)] == zplus["edits"][name]["title"]
        assert {"identity_input", "identity_own", "leakage", "strength"} <= set(edit)
    columns, rows = 2 + len(shown), 2
    height, width, _ = pixels(out / "side_by_side.png").shape
    assert width > columns * 3 * 64 and height > rows * 3 * 64
    for part in ("F/W+ identity", "drawn portraits", "proves nothing", "not measured: LPIPS"):
        assert part in output
    assert "side_by_side.png" in output and f"zplus edit {out / 'f_zplus.npz'} --direction smile" in output


def test_edits_are_equally_large_in_both_spaces(tmp_path: Path) -> None:
    _, summary = demo(tmp_path / "out")
    wplus, zplus = (summary["spaces"][name]["edits"] for name in ("f/wplus", "f/zplus"))
    assert wplus
    for name, edit in wplus.items():
        assert edit["change"] == pytest.approx(zplus[name]["change"], rel=0.01)
        assert edit["strength"] != zplus[name]["strength"]
        assert 0 < edit["strength"] * zplus[name]["strength"] <= command.STRENGTHS[-1] ** 2  # to the same side


def test_its_records_are_those_of_zplus_edit(tmp_path: Path, generator: Generator) -> None:
    out = tmp_path / "out"
    _, summary = demo(out)
    shown = next(iter(summary["spaces"]["f/zplus"]["edits"]))
    network, way = tmp_path / "generator.pt", tmp_path / f"{shown}.npz"
    save(network, {"architecture": asdict(generator.architecture), "state": generator.state_dict()})
    prepare.embedded_directions()[shown].save(way)
    for name in ("f/wplus", "f/zplus"):
        record = out / f"{name.replace('/', '_')}.npz"
        edit = ("edit", record, "--generator", network, "--direction", way, "--out", tmp_path / "edited")
        strength = round(summary["spaces"][name]["edits"][shown]["strength"], 3)
        result = zplus(*edit, "--strength", f"0:{strength}:2")
        assert result.exit_code == 0, result.output
        unmoved = tmp_path / "edited" / f"{record.stem}.{shown}+0.000.zplus.png"
        assert unmoved.read_bytes() == record.with_suffix(".png").read_bytes()


def test_is_reproducible_and_made_anew_where_that_is_wanted(tmp_path: Path) -> None:
    out, trees = tmp_path / "out", []
    for steps, *overwrite in ((3,), (2, "--overwrite"), (2, "--overwrite")):
        demo(out, "--steps", steps, *overwrite)
        trees.append(files(out))
    again, _ = demo(out)
    assert "--overwrite" in again and files(out) == trees[-1]
    refused(zplus("demo", "--out", out, "--steps", 3), 2, "setting steps was 2, is 3", "--overwrite")
    for one in trees:
        del one[BOOK]
        summary = json.loads(one.pop("summary.json"))
        del summary["run"]  # has the seconds
        one["summary.json"] = json.dumps(summary).encode()
    assert trees[0] != trees[1] == trees[2]


def test_takes_a_square_picture_and_says_what_it_is_worth(tmp_path: Path) -> None:
    picture = tmp_path / "grey portrait.png"
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (200, 1))).save(picture)
    output, summary = demo(tmp_path / "out", "--image", picture)
    assert pixels(tmp_path / "out" / "target.png").shape == (64, 64, 3)
    assert summary["picture"] == "grey portrait.png"
    assert "outside the domain" in output and prepare.OUTSIDE in summary["evidence"]


def test_computes_where_there_is_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pretended one: what was left on the CPU is an error. It is slow, and gets one edit."""
    smile = {"smile": prepare.embedded_directions()["smile"]}
    monkeypatch.setattr(prepare, "embedded_directions", lambda: smile)
    with using("reference"):
        demo(tmp_path / "here")
        with pytest.MonkeyPatch.context() as patch, Elsewhere():
            patch.setattr(Device, "where", DEVICE)
            _, summary = demo(tmp_path / "there")
    assert summary["settings"]["device"] == DEVICE.type
    picture = "side_by_side.png"
    assert (tmp_path / "there" / picture).read_bytes() == (tmp_path / "here" / picture).read_bytes()


def test_an_edit_that_moves_nothing_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "STRENGTHS", (-1e-9, 0.0, 1e-9))
    output, summary = demo(tmp_path / "out")
    assert summary["spaces"]["f/zplus"]["edits"] == {}
    assert len(summary["left_out"]) == len(EDITS)
    assert "zplus: smile is not shown" in output and "5% of its range" in output
    assert (tmp_path / "out" / "side_by_side.png").is_file()


def test_bad_input_leaves_nothing(tmp_path: Path) -> None:
    text, wide = tmp_path / "text.png", tmp_path / "wide.png"
    text.write_text("no picture")
    Image.new("RGB", (200, 120)).save(wide)
    out = tmp_path / "out"
    for status, message, *arguments in (
        (1, "is not an image", "--image", text, "--out", out),
        (1, "200 x 120 pixels", "--image", wide, "--out", out),
        (1, "Cannot write to", "--out", text / "out"),
        (2, "does not exist", "--image", tmp_path / "absent.png", "--out", out),
    ):
        result = zplus("demo", "--steps", 1, *arguments)
        assert (result.exit_code, message in result.output) == (status, True), result.output
        assert "Traceback" not in result.output
    assert set(tmp_path.iterdir()) == {text, wide}


def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = torch.optim.Adam.step
    calls: list[int] = []

    def interrupted(self: torch.optim.Adam, closure: None = None) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        step(self, closure)

    interrupted.hooked = True  # type: ignore[attr-defined]
    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)
    torch.set_num_threads(2)
    result = zplus("demo", "--out", tmp_path / "out", "--steps", 2)
    assert result.exit_code == 130
    assert list(tmp_path.iterdir()) == []
    assert torch.get_num_threads() == 2


def test_a_full_disk_leaves_an_earlier_demo_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo(tmp_path / "out")
    before = files(tmp_path)

    def full(self: Path, content: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    result = zplus("demo", "--out", tmp_path / "out", "--steps", 1, "--overwrite")
    assert (result.exit_code, "No space left on device" in result.output) == (1, True)
    assert files(tmp_path) == before
