"""docs/writing-an-adapter.md as written: every command in it, in order, and every block of code."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import shlex
import site
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.places import ROOT
from support.pythons import WHOLE, run_python
from support.toy_scripts import toys
from support.written_adapters import make_checkout
from zplus_plugins.upstreams import Adapter, InstanceOf, Journal, Patch, Script
from zplus_plugins.upstreams.new_adapter import TEMPLATE

DOCUMENT = (ROOT / "docs" / "writing-an-adapter.md").read_text()

FORKING = "from support import forked_runs; forked_runs.run_pytest()"


def block(marker: str) -> str:
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


@dataclass
class Reader:
    """Somebody who types the document's commands into a shell, in an environment on top of this one.

    Attributes:
        folder: the current one.
        checkout: the folder that is in the variable CHECKOUT.
        installed: where pip installs.
        output, messages: what the commands printed.
    """

    folder: Path
    checkout: Path
    installed: Path
    output: str = ""
    messages: str = ""
    before: list[Path] = field(default_factory=list)

    def type(self, line: str) -> None:
        """Type a command; it must succeed."""
        words = shlex.split(line.replace("$CHECKOUT", str(self.checkout)))
        match words:
            case ["cd", "-"]:
                self.folder = self.before.pop()
            case ["cd", folder]:
                self.before.append(self.folder)
                self.folder /= folder
            case ["zplus", *rest]:
                self._python("-m", "zplus_plugins", *rest)
            case ["pytest"]:
                self._python(*(("-m", "pytest") if WHOLE else ("-c", FORKING)))
            case ["pip", verb, *rest]:
                # Without a network, pip can neither resolve what is installed here nor make an environment to build in.
                prefix = ["--prefix", str(self.installed)] if verb == "install" else []
                self._pip(verb, "-q", "--no-deps", "--no-build-isolation", *prefix, *rest)
            case _:
                raise AssertionError(f"the test does not know how to type {line!r}")

    def _python(self, *arguments: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(self._start()), "OMP_NUM_THREADS": "1"}
        self._note(run_python(arguments, self.folder, environment, timeout=200))

    def _pip(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "pip", *arguments]
        self._note(subprocess.run(command, cwd=self.folder, capture_output=True, text=True))

    def _start(self) -> Path:
        """A folder whose sitecustomize.py has Python find what is installed, and the tests' support."""
        folder = self.installed / "start"
        folder.mkdir(parents=True, exist_ok=True)
        (sites,) = site.getsitepackages([str(self.installed)])[:1]
        start = f"import site, sys\nsite.addsitedir({sites!r})\nsys.path.append({str(ROOT / 'tests')!r})\n"
        (folder / "sitecustomize.py").write_text(start)
        return folder

    def _note(self, done: subprocess.CompletedProcess[str]) -> None:
        assert done.returncode == 0, done.stdout + done.stderr
        self.output += done.stdout
        self.messages += done.stderr


def test_the_document_from_the_first_command_to_the_last(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    reader = Reader(work, make_checkout(tmp_path / "checkout"), tmp_path / "installed")
    for commands in re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE):
        for line in commands.splitlines():
            reader.type(line)
    assert (work / "zplus-mine" / "zplus_mine.py").read_text() == block("the adapter")
    assert re.search(r"^mine +zplus-mine 0\.1 +no", reader.output, re.MULTILINE)
    assert "3 passed, 1 skipped" in reader.output
    assert "set CHECKOUT to the folder of a checkout" in reader.output
    assert re.search(r"^found +generator +model:Generator$", reader.output, re.MULTILINE)
    assert "\nfits by name" in reader.output
    assert "20 steps, 20 retractions, at most" in reader.messages
    assert "z in results" in reader.messages
    assert re.search(r'^Reliance\("model.py:Generator.__init__", "[0-9a-f]{16}"\),$', reader.output, re.MULTILINE)
    assert list((work / "zplus-mine").glob("zplus_mine-0.1-*.whl"))


def test_the_document_s_adapter_is_short() -> None:
    assert len(block("the adapter").splitlines()) <= 40


def test_the_document_s_patch_works_and_is_undone() -> None:
    from skimage import measure

    names: dict[str, Any] = {}
    exec(block("the patch"), names)
    assert isinstance(names["PATCH"], Patch)
    assert not hasattr(measure, "compare_ssim")
    with Journal() as journal:
        names["PATCH"].install(journal, None)
        assert callable(measure.compare_ssim)
    assert not hasattr(measure, "compare_ssim")


def test_what_the_document_names_exists() -> None:
    from zplus_plugins import upstreams

    table = DOCUMENT.partition("| the problem | the patch |")[2].partition("\n\n")[0]
    patches = re.findall(r"\| `([\w.]+)` \|$", table, re.MULTILINE)
    assert len(patches) == 7
    for name in patches:
        assert isinstance(importlib.import_module(f"zplus_plugins.patches.{name}").PATCH, Patch)
    fields = {field.name for kind in (Adapter, Script) for field in dataclasses.fields(kind)}
    for call in re.findall(r"^\| [^|]+ \| (`.+`)", DOCUMENT, re.MULTILINE):
        for name in re.findall(r"`(\w+)=", call):
            assert name in fields, call
        for name in re.findall(r"([A-Z]\w+)\(", call):
            assert name in upstreams.__all__, call
    for target in re.findall(r"`((?:zplus_plugins|tests)/[\w/]+\.py)`", DOCUMENT):
        assert (ROOT / target).exists() or (TEMPLATE / target.replace("mine", "new_name")).exists(), target


def test_the_document_s_mapping_and_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conditional generator of the script's own, whose code is only shown."""
    names: dict[str, Any] = {}
    exec(block("the mapping"), names)
    exec(block("the hook"), names)
    script = """
        import argparse, torch
        argparse.ArgumentParser().parse_args()
        from toy_generator import optimise

        class Mapping(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.num_ws, self.w_avg, self.net = 3, torch.zeros(8), torch.nn.Linear(8 + 2, 8)

            def forward(self, z, c):
                return self.net(torch.cat([z, c], 1))[:, None].repeat(1, self.num_ws, 1)

        class Generator(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.z_dim, self.w_dim, self.c_dim, self.num_ws, self.mapping = 8, 8, 2, 3, Mapping()

        def show(code, path):
            pass

        Generator()
        show(optimise(torch.zeros(1, 3, 8)), "a.png")
    """
    with toys(tmp_path, monkeypatch) as toy:
        described = {
            "mapping": names["mapping"],
            "patches": (names["PATCH"],),
            "generator": (InstanceOf("invert:Generator"),),
        }
        done = toy.run(script, **described, codes="")
        assert done.exit_code == 0, done.output
        assert "4 steps, 4 retractions" in done.output and "unmatched" not in done.output
        assert (tmp_path / "a.zplus.npz").is_file()
        assert toy.run(script, options=("--latent", "off"), **described).exit_code == 0
