"""Names of directions, which become names of files: looked at before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from support.commands import done, zplus
from support.generator_files import trained
from support.npz_files import direction, restated
from support.outcome import refused
from zplus_plugins.directions import Direction, boundary, find_by_chase, find_interfacegan, pursuit
from zplus_plugins.errors import DirectionError
from zplus_plugins.inversion import Model
from zplus_plugins.records.names import name_problem
from zplus_plugins.spaces.statistics import compute

BAD = {
    "": "is empty",
    "a\0b": "cannot be printed",
    "a\nb": "cannot be printed",
    "\x1b[31mred": "cannot be printed",
    "a\ud800": "cannot be printed",
    "left\u202eright": "cannot be printed",
    "line\u2028": "cannot be printed",
    "a/b": "path separator",
    "/etc/passwd": "path separator",
    "a\\b": "path separator",
    "..": "begins with a dot",
    ".hidden": "begins with a dot",
    "-rf": "a dash",
    " a": "a space",
    "a ": "ends with",
    "a.": "ends with",
    "nul": "device",
    "COM1.x": "device",
    "x" * 101: "has 101 bytes, more than 100",
    "ü" * 51: "has 102 bytes, more than 100",
}
GOOD = ("smile", "hair_light", "ganspace-00", "Größe 2", "笑顔", "a.b", "x" * 100, "console", "age (old)")


@pytest.mark.parametrize("name", BAD)
def test_names_that_do_not_do(name: str) -> None:
    assert BAD[name] in str(name_problem(name))
    with pytest.raises(DirectionError, match="is not a valid name") as refusal:
        direction(name)
    assert str(refusal.value).isprintable() and len(str(refusal.value)) < 300


@pytest.mark.parametrize("name", GOOD)
def test_names_that_do(name: str, tmp_path: Path) -> None:
    direction(name).save(tmp_path / f"{name}.npz")
    assert Direction.load(tmp_path / f"{name}.npz").name == name


@pytest.mark.parametrize("name", ["../up", "a\0", "a\ud800", "\x07", "-x"])
def test_a_file_with_such_a_name_in_it(name: str, tmp_path: Path) -> None:
    direction().save(tmp_path / "d.npz")
    restated(tmp_path / "d.npz", {"name": name})
    with pytest.raises(DirectionError, match=r"d\.npz: .* is not a valid name"):
        Direction.load(tmp_path / "d.npz")


def test_no_direction_is_looked_for_by_such_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = trained()
    model = Model(generator, compute(generator, codes=64))
    for module in (pursuit, boundary):
        monkeypatch.setattr(module, "random_codes", lambda *args, **kwargs: pytest.fail("was looked for"))
    with pytest.raises(DirectionError, match="not a valid name"):
        find_by_chase(model, torch.ones(10), "a\0")
    with pytest.raises(DirectionError, match="not a valid name"):
        find_interfacegan(model, lambda pictures: pictures[:, :2, 0, 0], ["red", "../blue"])


def test_a_file_of_such_a_name_is_refused_before_its_direction_is_chased(material: Path) -> None:
    torch.save(torch.ones(10), "-w.pt")
    chase = ("directions", "--generator", "generator.pt", "--method", "chase", "--no-preview", "--out", "out", "--w")
    refused(zplus(*chase, "./-w.pt"), 1, "'-w' is not a valid name")
    assert not (material / "out").exists()
    Path("-w.pt").rename("w.pt")
    assert done(*chase, "w.pt") == ["out/w.zplus.npz"]
