"""What an adapter says of one script, or with a script's arguments in it: starts, folders and code files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from zplus_plugins.adapters import bdinvert, pti, sam
from zplus_plugins.cli.main import main
from zplus_plugins.errors import PluginError
from zplus_plugins.hypersphere.starts import STARTS
from zplus_plugins.records.inversion import record_path
from zplus_plugins.upstreams import Adapter, Script, Writer
from zplus_plugins.upstreams.adapter.captures import InstanceOf
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.checkout.checkout import match_script
from zplus_plugins.upstreams.checkout.report import rows
from zplus_plugins.upstreams.script.code_files import CodeFiles

GENERATOR = """\
from torch import nn
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.style, self.n_latent, self.style_dim = nn.Sequential(nn.Linear(8, 8), nn.LeakyReLU(0.2)), 3, 8
"""
SCRIPT = """\
import argparse, os
import numpy as np
import torch
from toy_generator import Generator
parser = argparse.ArgumentParser()
parser.add_argument("--outdir", default="out")
outdir = parser.parse_args().outdir
g = Generator().requires_grad_(False)
w = torch.zeros(1, 3, 8, requires_grad=True)
optimizer = torch.optim.Adam([w], lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    (w - 1).square().sum().backward()
    optimizer.step()
os.makedirs(outdir, exist_ok=True)
np.save(f"{outdir}/picture.npy", w.detach().numpy())
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "toy_generator.py").write_text(GENERATOR)
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("toy_generator", None)


def adapter(codes: str = "{outdir}/*.npy") -> Adapter:
    return Adapter(
        name="toy",
        summary="",
        upstream="",
        scripts=(Script("one.py", role="invert"), Script("two.py", role="invert", init="mean", folder="")),
        generator=(InstanceOf("toy_generator:Generator"),),
        codes=codes,
        writers=(Writer("numpy:save", suffix=".npy"),),
    )


def run(monkeypatch: pytest.MonkeyPatch, described: Adapter, *arguments: str) -> Result:
    found = [plugins.Plugin("toy", "toy 1.0", described, plugin=described)]
    monkeypatch.setattr(plugins, "_in_turn", lambda: iter(found))
    return CliRunner().invoke(main, ["run", *arguments])


@pytest.mark.parametrize(
    ("arguments", "start"),
    [(["one.py"], "random"), (["two.py"], "mean"), (["--init", "random", "two.py"], "random")],
)
def test_the_start_is_the_script_s(
    toy: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], start: str
) -> None:
    result = run(monkeypatch, adapter(), "--dry-run", *arguments)
    assert result.exit_code == 0, result.output
    assert f"start {start}," in result.output


def test_starts_that_adapters_can_name_are_all_there_are() -> None:
    from typing import get_args

    from zplus_plugins.upstreams.adapter.description import Init

    assert set(get_args(Init)) == set(STARTS)


@pytest.mark.parametrize("out", ["out", "./out", "deep/er", "a/../out", "[x]", "absolute"])
def test_codes_in_a_folder_that_an_argument_names(toy: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    given = str(toy / "elsewhere") if out == "absolute" else out
    result = run(monkeypatch, adapter(), "one.py", "--outdir", given)
    assert result.exit_code == 0, result.output
    assert "z was not recorded" not in result.output
    assert record_path(Path(given) / "picture.npy").is_file()


def test_codes_elsewhere_are_none(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, adapter("{outdir}/codes/*.npy"), "one.py")
    assert "(out/codes/*.npy)" in result.output


@pytest.mark.parametrize("codes", ["{output}/*.npy", "{}/*.npy", "{outdir.x}/*.npy", "{outdir/*.npy"])
def test_a_pattern_that_names_no_argument(toy: Path, monkeypatch: pytest.MonkeyPatch, codes: str) -> None:
    result = run(monkeypatch, adapter(codes), "one.py")
    assert result.exit_code == 1
    assert f"{codes}, but" in result.output
    assert "arguments are outdir" in result.output
    assert not (toy / "out").exists()


def test_saved_codes_are_found_by_either_kind_of_pattern(tmp_path: Path) -> None:
    (tmp_path / "codes").mkdir()
    np.save(tmp_path / "codes" / "b.npy", np.zeros(1))
    for pattern in ("codes/*.npy", "{folder}/codes/*.npy"):
        files = CodeFiles(pattern, lambda: {"folder": tmp_path})
        assert files.inside(tmp_path) == [tmp_path / "codes" / "b.npy"]
        assert files.name(tmp_path / "codes" / "b.npy").endswith("codes/b")
    assert tmp_path / "codes" / "b.npy" not in CodeFiles("", dict)
    with pytest.raises(PluginError, match=r"\{folder\}/x, but 'folder' .* none\."):
        CodeFiles("{folder}/x", dict).pattern()


def test_a_script_to_be_started_in_the_root(toy: Path) -> None:
    upstream = match_script(adapter(), toy / "two.py")
    assert upstream is not None
    assert ("found", "script", "two.py", "must be started in the root") in rows(upstream)
    for described in (bdinvert.ADAPTER, pti.ADAPTER, sam.ADAPTER):
        assert all(script.folder != "" for script in described.scripts)
