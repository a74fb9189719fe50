"""``zplus demo``, with untrained networks in place of the embedded ones."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
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
from zplus_plugins.demo import command, drawn
from zplus_plugins.demo.candidates import candidates
from zplus_plugins.generators import Generator
from zplus_plugins.hypersphere import moves
from zplus_plugins.hypersphere.chase import EagerAdam
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


Made = tuple[Path, str, dict[str, Any]]
NAMES = ("smile", "age", "hair_light")


@pytest.fixture(autouse=True, scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generator]:
    """What stands in for the embedded one, without weights of LPIPS; few directions, strengths and drawings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch_home")))
        patch.setattr(command, "STRENGTHS", (-2.0, -1.0, 0.0, 1.0, 2.0))
        patch.setattr(drawn, "NEIGHBOURS", 8)
        patch.setattr(drawn, "OTHERS", 4)
        yield stand_in_for_embedded(patch, NAMES)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, generator: Generator) -> Made:
    """One demo: its folder, what it prints, and its summary."""
    out = tmp_path_factory.mktemp("demo") / "out"
    return out, *demo(out)


def demo(out: Path, *arguments: object) -> tuple[str, dict[str, Any]]:
    """What the demo prints, and its summary."""
    result = zplus("demo", "--out", out, "--steps", 2, *arguments)
    assert result.exit_code == 0, result.output
    return result.output, json.loads((out / "summary.json").read_text())


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_held_out_portrait_in_both_spaces(made: Made) -> None:
    out, output, summary = made
    assert set(files(out)) == FILES
    portrait = draw(sample(1, HELD_OUT_SEED + command.PORTRAIT))
    assert np.array_equal(pixels(out / "target.png"), np.asarray(sheet(portrait, 1)))
    wplus, zplus = (summary["spaces"][name] for name in ("f/wplus", "f/zplus"))
    for name, space in (("f_wplus", wplus), ("f_zplus", zplus)):
        gap = (pixels(out / f"{name}.png") / 127.5 - pixels(out / "target.png") / 127.5) ** 2
        assert space["mse"] == pytest.approx(gap.mean(), rel=1e-4)
        assert {"psnr", "ssim", "perceptual", "identity", "nscd", "realism"} <= set(space)
    assert wplus["max_sphere_error"] is None
    assert 0 < zplus["max_sphere_error"] <= 1e-5
    for part in (
        "Furthest apart",
        "drawn portraits",
        "proves nothing",
        "note: measured without LPIPS, because",
        "The rule: docs/demo.md",
    ):
        assert part in output
    assert output.index("proves nothing") < output.index(
        "note: measured without LPIPS"
    )  # what was measured comes first
    assert "side_by_side.png" in output and f"zplus edit {out / 'f_zplus.npz'} --direction smile" in output


def test_every_edit_is_measured_in_both_spaces(made: Made) -> None:
    _, _, summary = made
    edits = [edit.signs for edit in candidates(NAMES, command.PORTRAIT)]
    assert [edit["directions"] for edit in summary["edits"]] == edits and len(edits) == 6 + 3 + 1
    usable = {space: [edit["usable"][space]["change"] for edit in summary["edits"]] for space in ("f/wplus", "f/zplus")}
    gaps = np.subtract(*usable.values())
    assert summary["ahead"] == {"f/wplus": int((gaps >= 0.05).sum()), "f/zplus": int((gaps <= -0.05).sum())}
    apart = summary["blocks"][0]
    assert apart["directions"] == edits[np.abs(gaps).argmax()]
    assert apart["favours"] == max(usable, key=lambda space: usable[space][int(np.abs(gaps).argmax())])


def test_blocks_are_at_one_change_or_say_that_it_is_not_reached(made: Made) -> None:
    _, output, summary = made
    assert summary["blocks"] and len(summary["blocks"]) + len(summary["left_out"]) == 2
    for block in summary["blocks"]:
        assert block["title"] in output
        assert sum(side["reached"] for side in block["spaces"].values()) >= 1
        for side in block["spaces"].values():
            half, last = side["shown"]
            assert (half["share"], last["share"]) == (0.5, 1.0)
            if side["reached"]:
                assert last["change"] == pytest.approx(block["change"], rel=0.01)
            else:
                assert last["change"] < block["change"] and side["outcome"].startswith("not reached")
            assert {"strength", "change", "net_identity", "realism"} < set(last)
            assert 0 < last["strength"] <= command.STRENGTHS[-1]


def test_its_records_are_those_of_zplus_edit(made: Made, tmp_path: Path, generator: Generator) -> None:
    out, _, _ = made
    network, way = tmp_path / "generator.pt", tmp_path / "smile.npz"
    save(network, {"architecture": asdict(generator.architecture), "state": generator.state_dict()})
    prepare.embedded_directions()["smile"].save(way)
    for record in (out / "f_wplus.npz", out / "f_zplus.npz"):
        edit = ("edit", record, "--generator", network, "--direction", way, "--out", tmp_path / "edited")
        result = zplus(*edit, "--strength", "0:1:2")
        assert result.exit_code == 0, result.output
        unmoved = tmp_path / "edited" / f"{record.stem}.smile+0.000.zplus.png"
        assert unmoved.read_bytes() == record.with_suffix(".png").read_bytes()


def test_is_reproducible_and_made_anew_where_that_is_wanted(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(made[0], out)
    again, _ = demo(out)
    assert "--overwrite" in again and files(out) == files(made[0])
    refused(zplus("demo", "--out", out, "--steps", 3), 2, "setting steps was 2, is 3", "--overwrite")
    demo(out, "--overwrite")
    first, second = files(made[0]), files(out)
    for one in (first, second):
        del one[BOOK]
        summary = json.loads(one.pop("summary.json"))
        del summary["run"]  # has the seconds
        one["summary.json"] = json.dumps(summary).encode()
    assert first == second


def test_takes_a_square_picture_and_says_what_it_is_worth(tmp_path: Path) -> None:
    picture = tmp_path / "grey portrait.png"
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (200, 1))).save(picture)
    output, summary = demo(tmp_path / "out", "--image", picture)
    assert pixels(tmp_path / "out" / "target.png").shape == (64, 64, 3)
    assert summary["picture"] == "grey portrait.png"
    assert "outside the domain" in output and prepare.OUTSIDE in summary["evidence"]


def test_computes_where_there_is_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pretended one: what was left on the CPU is an error. It is slow, and gets one edit and short chases."""
    stand_in_for_embedded(monkeypatch, NAMES[:1])  # its networks go there, and do not come back
    monkeypatch.setattr(command, "STRENGTHS", (-1.0, 0.0, 1.0))
    monkeypatch.setattr(moves, "LEASH", 3)
    with using("reference"):
        demo(tmp_path / "here", "--steps", 1)
        with pytest.MonkeyPatch.context() as patch, Elsewhere():
            patch.setattr(Device, "where", DEVICE)
            _, summary = demo(tmp_path / "there", "--steps", 1)
    assert summary["settings"]["device"] == DEVICE.type
    picture = "side_by_side.png"
    assert (tmp_path / "there" / picture).read_bytes() == (tmp_path / "here" / picture).read_bytes()


def test_edits_that_move_nothing_are_not_shown_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "STRENGTHS", (-1e-9, 0.0, 1e-9))
    output, summary = demo(tmp_path / "out")
    assert summary["blocks"] == [] and len(summary["left_out"]) == 2
    assert "zplus: No edit tells the spaces apart" in output and "5%" in output
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
    step = EagerAdam.step
    calls: list[int] = []

    def interrupted(self: EagerAdam, closure: None = None) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        step(self, closure)

    interrupted.hooked = True  # type: ignore[attr-defined]
    monkeypatch.setattr(EagerAdam, "step", interrupted)
    torch.set_num_threads(2)
    result = zplus("demo", "--out", tmp_path / "out", "--steps", 2)
    assert result.exit_code == 130
    assert list(tmp_path.iterdir()) == []
    assert torch.get_num_threads() == 2


def test_a_full_disk_leaves_an_earlier_demo_alone(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(made[0], tmp_path / "out")
    before = files(tmp_path)

    def full(self: Path, content: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    result = zplus("demo", "--out", tmp_path / "out", "--steps", 1, "--overwrite")
    assert (result.exit_code, "No space left on device" in result.output) == (1, True)
    assert files(tmp_path) == before
