"""``zplus new-adapter``, and docs/writing-an-adapter.md as written: every command in it, in order."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from support.places import ROOT
from support.toy_scripts import toys
from zplus_plugins.cli.main import main
from zplus_plugins.upstreams import Adapter, InstanceOf, Journal, Patch, Script
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.new_adapter import TEMPLATE

DOCUMENT = (ROOT / "docs" / "writing-an-adapter.md").read_text()
STANDIN = TEMPLATE / "tests" / "standin"
FILES = {
    "README.md",
    "pyproject.toml",
    "setup.cfg",
    "tests/standin/invert.py",
    "tests/standin/model.py",
    "tests/test_mine.py",
    "zplus_mine.py",
}


def new_adapter(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["new-adapter", *map(str, arguments)])


def block(marker: str) -> str:
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    return found[1]


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of the upstream that the document speaks of, with weights and a picture."""
    root = Path(shutil.copytree(STANDIN, tmp_path / "checkout"))
    spec = importlib.util.spec_from_file_location("template_model", root / "model.py")
    assert spec is not None
    assert spec.loader is not None
    model: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    torch.save({"g_ema": model.Generator().state_dict()}, root / "generator.pt")
    Image.new("RGB", (8, 8), "teal").save(root / "picture.png")
    return root


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder with ``zplus``, ``pip`` and ``pytest`` of a new environment, on top of this one."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    (site,) = environment.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (site / "ours.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in ours))
    folder = tmp_path / "commands"
    folder.mkdir()
    # Without a network, pip can neither resolve what is installed here nor make an environment to build in.
    offline = 'pip) verb=$1; shift; set -- -m pip "$verb" -q --no-deps --no-build-isolation "$@";;'
    for name in ("zplus", "pip", "pytest"):
        script = f"""#!/bin/bash
case {name} in
    zplus) set -- -m zplus_plugins "$@";;
    {offline}
    pytest) set -- -m pytest "$@";;
esac
exec {python} "$@"
"""
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    return folder


def test_the_document_from_the_first_command_to_the_last(tmp_path: Path, checkout: Path, commands: Path) -> None:
    script = "".join(re.findall(r"^```sh\n(.*?)^```", DOCUMENT, re.DOTALL | re.MULTILINE))
    environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", "CHECKOUT": str(checkout)}
    environment["OMP_NUM_THREADS"] = "1"
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(["bash", "-ex"], input=script, cwd=work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (work / "zplus-mine" / "zplus_mine.py").read_text() == block("the adapter")
    assert re.search(r"^mine +zplus-mine 0\.1 +no", done.stdout, re.MULTILINE)
    assert "2 passed" in done.stdout
    assert re.search(r"^found +generator +model:Generator$", done.stdout, re.MULTILINE)
    assert "\nfits by name" in done.stdout
    assert "20 steps, 20 retractions, at most" in done.stderr
    assert "z in results" in done.stderr
    assert re.search(r'^Reliance\("model.py:Generator.__init__", "[0-9a-f]{16}"\),$', done.stdout, re.MULTILINE)
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
        assert (ROOT / target).exists(), target


def test_writes_all_files_with_the_name_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = new_adapter("mine")
    assert result.exit_code == 0, result.output
    assert files(tmp_path) == {f"zplus-mine/{name}" for name in FILES}
    assert set(result.output.split()) == {str(tmp_path / "zplus-mine" / name) for name in FILES}
    assert new_adapter("two-words", "--folder", tmp_path / "deep" / "er").exit_code == 0
    assert (tmp_path / "deep" / "er" / "zplus_two_words.py").is_file()
    for name in files(tmp_path):
        text = (tmp_path / name).read_text()
        assert "new-name" not in text
        assert "new_name" not in text
        if name.endswith(".py"):
            compile(text, name, "exec")
    config = (tmp_path / "deep" / "er" / "setup.cfg").read_text()
    assert "name = zplus-two-words" in config
    assert "two-words = zplus_two_words:ADAPTER" in config


def test_a_script_s_source_fills_in_the_description(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proposal for the template's own script runs it, without a change."""
    monkeypatch.chdir(tmp_path)
    result = new_adapter("mine", "--from", checkout / "invert.py")
    assert result.exit_code == 0, result.output
    written = {"README.md", "pyproject.toml", "setup.cfg", "tests/test_mine.py", "zplus_mine.py"}
    assert files(tmp_path / "zplus-mine") == written
    source = (tmp_path / "zplus-mine" / "zplus_mine.py").read_text()
    names: dict[str, Any] = {}
    exec(source, names)
    adapter = names["ADAPTER"]
    assert adapter.generator[0].where == "model:Generator" and adapter.markers == ("model.py",)
    assert "ckpt, steps, out, picture" in source
    monkeypatch.setattr(plugins, "_in_turn", lambda: iter([plugins.Plugin("mine", "mine 1", adapter, plugin=adapter)]))
    monkeypatch.chdir(checkout)
    run = CliRunner().invoke(main, ["run", "invert.py", "--ckpt", "generator.pt", "picture.png"])
    assert run.exit_code == 0, run.output
    assert "20 steps, 20 retractions" in run.output
    assert (checkout / "results" / "picture.zplus.npz").is_file()
    compile((tmp_path / "zplus-mine" / "tests" / "test_mine.py").read_text(), "test_mine.py", "exec")


@pytest.mark.parametrize(
    ("script", "parts"),
    [
        (
            "import click\n@click.option('--out-dir', 'outdir')\ndef main(outdir):\n"
            "    np.savez(f'{outdir}/x.npz', seed=0, w=code)\n",
            ['codes="{outdir}/x.npz"', 'code_item="w"', "content=None", 'Writable("{outdir}")'],
        ),
        (
            "def main():\n    G = legacy.load_network_pkl(f)['G_ema'].cuda()\n    torch.optim.Adam([w])\n",
            ['ResultOf("legacy:load_network_pkl", pick="G_ema")', "device.PATCH", "gate=Gate(", "invert.py:main"],
        ),
        ("import argparse\n", ['codes="",  # TODO', "TODO: no optimizer", "TODO: no class"]),
        (
            "torch.save({'latent': w}, os.path.join(opts.out, 'codes', name))\n",
            ['codes="*/codes/*"', 'code_item="latent"'],
        ),
    ],
)
def test_what_a_source_tells_and_what_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, parts: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "invert.py").write_text(f"\ufeff{script}", encoding="utf-8")
    result = new_adapter("mine", "--from", "invert.py")
    assert result.exit_code == 0, result.output
    source = (tmp_path / "zplus-mine" / "zplus_mine.py").read_text()
    exec(source, {})
    for part in parts:
        assert part in source, source


def test_a_script_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "invert.py").write_text("def (")
    for script in ("invert.py", "absent.py", "."):
        result = new_adapter("mine", "--from", script)
        assert result.exit_code == 2 and script in result.output, result.output
    assert files(tmp_path) == {"invert.py"}


@pytest.mark.upstream
@pytest.mark.parametrize(
    "script",
    [
        "stylegan2-ada-pytorch/projector.py",
        "stylegan2-pytorch/projector.py",
        "StyleCLIP/optimization/run_optimization.py",
    ],
)
def test_every_place_that_is_proposed_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upstreams: Path, script: str
) -> None:
    result = new_adapter("mine", "--from", upstreams / script, "--folder", tmp_path / "mine")
    assert result.exit_code == 0, result.output
    names: dict[str, Any] = {}
    exec((tmp_path / "mine" / "zplus_mine.py").read_text(), names)
    found = [plugins.Plugin("mine", "mine 1", names["ADAPTER"], plugin=names["ADAPTER"])]
    monkeypatch.setattr(plugins, "_in_turn", lambda: iter(found))
    check = CliRunner().invoke(main, ["check", str(upstreams / script)])
    assert check.exit_code == 0, check.output
    assert "missing" not in check.output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My_Adapter", "Did you mean my-adapter?"),
        ("mine-", "Did you mean mine?"),
        ("../mine", "Did you mean mine?"),
        ("", "use lower-case letters, digits and hyphens."),
        ("pti", "adapter 'pti', from zplus-plugins"),
        ("plugins", "zplus-plugins is the name of this package"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = new_adapter(name)
    assert result.exit_code == 2
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "notes.txt").write_text("keep")
    result = new_adapter("mine", "--folder", folder)
    assert result.exit_code == 2
    assert "exists. Choose another folder" in result.output
    assert files(tmp_path) == {"mine/notes.txt"}


def test_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_text, written = Path.write_text, []

    def full_disk(path: Path, *args: Any, **kwargs: Any) -> int:
        written.append(path)
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        return write_text(path, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", full_disk)
    result = new_adapter("mine", "--folder", tmp_path / "mine")
    assert result.exit_code == 1
    assert "No space left on device" in result.output
    assert list(tmp_path.iterdir()) == []


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
