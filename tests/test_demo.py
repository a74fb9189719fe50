"""The demo: the real launcher on the repository inside the package."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from zplus_plugins import InversionRecord
from zplus_plugins.cli import main
from zplus_plugins.demo import REPOSITORY

FILES = {
    *(f"F_{space}/{name}.png" for space in ("W+", "Z+") for name in ("target", "reconstruction")),
    *(f"F_{space}/{kind}/photo.npy" for space in ("W+", "Z+") for kind in ("code", "feature")),
    "F_Z+/code/photo.zplus.npz",
    "side_by_side.png",
    "summary.json",
}


def demo(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["demo", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_inverts_the_photograph_in_both_spaces(tmp_path: Path) -> None:
    output = demo("--out", tmp_path / "out", "--steps", 40)
    assert set(tree(tmp_path / "out")) == FILES
    assert str(tmp_path / "out" / "side_by_side.png") in output
    report = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert report["F_Z+"]["run"]["retractions"] == report["F_Z+"]["run"]["steps"] == 40
    assert report["F_Z+"]["run"]["max_sphere_error"] <= 1e-5
    assert report["F_W+"]["run"]["latent"] == "off"
    for space in ("F_W+", "F_Z+"):
        assert report[space]["psnr"] > 20  # a grey picture has 9
    w = np.load(tmp_path / "out" / "F_Z+" / "code" / "photo.npy")
    InversionRecord.load(tmp_path / "out" / "F_Z+" / "code" / "photo.zplus.npz").require_code(w, Path("photo.npy"))


def test_is_reproducible_and_overwrites_an_earlier_demo(tmp_path: Path) -> None:
    first = tmp_path / "first"
    demo("--out", first, "--steps", 2)
    before = tree(first)
    demo("--out", first, "--steps", 2)
    after = tree(first)
    del before["summary.json"], after["summary.json"]  # has the seconds
    assert before == after


def test_takes_any_photograph(tmp_path: Path) -> None:
    picture = tmp_path / "grey portrait.png"
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (120, 1))).save(picture)
    demo(picture, "--out", tmp_path / "out", "--steps", 1)
    assert (tmp_path / "out" / "F_Z+" / "code" / "grey portrait.npy").is_file()


def test_bad_input_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    for arguments, message in (
        ((text, "--out", tmp_path / "out"), "cannot be read as a picture"),
        (("--out", text / "out"), "Cannot write to"),
        ((tmp_path / "absent.png",), "does not exist"),
    ):
        result = CliRunner().invoke(main, ["demo", *map(str, arguments)])
        assert result.exit_code in (1, 2)
        assert message in result.output
        assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == [text]


def test_an_interrupted_demo_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    step = torch.optim.Adam.step
    calls: list[int] = []

    def interrupted(self: torch.optim.Adam, closure: None = None) -> None:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        step(self, closure)

    interrupted.hooked = True  # type: ignore[attr-defined]
    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)
    result = CliRunner().invoke(main, ["demo", "--out", str(tmp_path / "out"), "--steps", "3"])
    assert result.exit_code == 130
    assert tree(tmp_path) == {}


def test_the_repository_knows_nothing_of_this_package() -> None:
    for file in REPOSITORY.glob("*.py"):
        assert "zplus" not in file.read_text()
