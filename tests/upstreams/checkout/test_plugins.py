"""Adapters by entry point: third-party ones are found, used and listed; broken ones disturb nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.outcome import refused
from zplus_plugins.cli.main import main
from zplus_plugins.errors import PluginError, UsageError
from zplus_plugins.upstreams.checkout import plugins

SETUP = """\
[metadata]
name = {name}
version = 1.2
[options]
py_modules = {module}
[options.entry_points]
zplus_plugins =
    {entry}
"""

ADAPTER = '''\
"""An adapter for a script of one file."""
from zplus_plugins.upstreams import Adapter, Script, hookimpl
from zplus_plugins.upstreams.adapter.captures import InstanceOf

ADAPTER = Adapter(
    name="tiny",
    summary="somebody else's adapter",
    upstream="https://example.org/tiny",
    scripts=(Script("tiny_invert.py", role="invert"),),
    generator=(InstanceOf("tiny_generator:Generator"),),
)

@hookimpl
def zplus_adapter():
    return ADAPTER

@hookimpl
def zplus_finished(summary):
    print("finished after", summary.steps, "steps")
'''

GENERATOR = """\
from torch import nn
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.style, self.n_latent, self.style_dim = nn.Sequential(nn.Linear(8, 8), nn.LeakyReLU(0.2)), 3, 8
"""

FOUND = ("zplus_tiny", "zplus_broken", "zplus_odd", "zplus_plugins.adapters")

SCRIPT = """\
import torch
from tiny_generator import Generator
torch.manual_seed(0)
g = Generator().requires_grad_(False)
w = torch.zeros(1, 3, 8, requires_grad=True)
optimizer = torch.optim.Adam([w], lr=0.1)
for _ in range(7):
    optimizer.zero_grad()
    (w - 1).square().sum().backward()
    optimizer.step()
"""


def source(folder: Path, name: str, module: str, entry: str, code: str) -> Path:
    """The sources of a distribution of one module."""
    made = folder / name
    made.mkdir()
    (made / "setup.cfg").write_text(SETUP.format(name=name, module=module, entry=entry))
    (made / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    (made / f"{module}.py").write_text(code)
    return made


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three third-party plugins: a good one, one that raises, one that is no adapter; built by pip."""
    folder = tmp_path_factory.mktemp("plugins")
    site = folder / "site"
    sources = (
        source(folder, "zplus-tiny", "zplus_tiny", "tiny = zplus_tiny", ADAPTER),
        source(folder, "zplus-broken", "zplus_broken", "broken = zplus_broken:ADAPTER", "1 / 0\n"),
        source(folder, "zplus-odd", "zplus_odd", "odd = zplus_odd:ADAPTER", "ADAPTER = 3\n"),
    )
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target", str(site)]
    done = subprocess.run([*pip, *map(str, sources)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def installed(site: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are, for this process too, which is in the folder of the script."""
    monkeypatch.syspath_prepend(site)
    monkeypatch.chdir(tiny)
    for name in [name for name in sys.modules if name.startswith(FOUND)]:
        monkeypatch.delitem(sys.modules, name)


def zplus(site: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "zplus_plugins", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "tiny_invert.py").write_text(SCRIPT)
    (tmp_path / "tiny_generator.py").write_text(GENERATOR)
    return tmp_path


def test_a_third_party_adapter_is_found_used_and_its_hooks_called(site: Path, tiny: Path) -> None:
    done = zplus(site, tiny, "run", "--summary", "s.json", "tiny_invert.py")
    assert done.returncode == 0, done.stderr
    assert "finished after 7 steps" in done.stdout
    assert "tiny tiny_invert.py --latent zplus" in done.stderr
    assert "warning: z was not recorded" in done.stderr  # the adapter names no codes
    assert '"retractions": 7' in (tiny / "s.json").read_text()


@pytest.mark.usefixtures("installed")
def test_all_are_listed_with_origin_and_error() -> None:
    done = CliRunner().invoke(main, ["adapters"])
    assert done.exit_code == 0, done.output
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "zplus-tiny 1.2" in lines["tiny"]
    assert "yes" in lines["tiny"]
    assert "ZeroDivisionError: division by zero" in lines["broken"]
    assert "is not an Adapter" in lines["odd"]
    assert "zplus-plugins" in lines["bdinvert"]


@pytest.mark.usefixtures("installed")
def test_only_the_chosen_adapter_is_loaded() -> None:
    assert plugins.choose(Path("tiny_invert.py"), "tiny").upstream.adapter.name == "tiny"
    assert [name for name in sys.modules if name.startswith(FOUND)] == ["zplus_tiny"]


@pytest.mark.usefixtures("installed")
def test_a_broken_adapter_that_is_asked_for() -> None:
    done = CliRunner().invoke(main, ["run", "--adapter", "broken", "tiny_invert.py"])
    refused(done, 1, "The adapter 'broken' (zplus-broken 1.2) cannot be loaded: ZeroDivisionError")


def test_unknown_names_and_scripts(tmp_path: Path) -> None:
    script = tmp_path / "other.py"
    script.touch()
    with pytest.raises(UsageError, match=r"no adapter 'bdinvrt'.*Did you mean 'bdinvert'\?"):
        plugins.choose(script, "bdinvrt")
    with pytest.raises(UsageError, match=r"No adapter knows .*other.py"):
        plugins.choose(script)
    with pytest.raises(UsageError, match=r"'bdinvert' does not know .*other.py"):
        plugins.choose(script, "bdinvert")
    assert issubclass(PluginError, Exception)


def test_this_distribution_s_adapters_load() -> None:
    done = CliRunner().invoke(main, ["adapters"])
    assert done.exit_code == 0
    assert "broken" not in done.output
