"""Distributions that ``zplus new-adapter`` has written, used in this process, and a checkout for them."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from PIL import Image

from zplus_plugins.cli.main import main
from zplus_plugins.upstreams import Adapter
from zplus_plugins.upstreams.checkout import plugins
from zplus_plugins.upstreams.new_adapter import TEMPLATE

STANDIN = TEMPLATE / "tests" / "standin"


def zplus(*arguments: object) -> Result:
    """Run a command of ``zplus`` in this process."""
    return CliRunner().invoke(main, list(map(str, arguments)))


def make_checkout(root: Path) -> Path:
    """A checkout of the upstream that the template speaks of, with weights and a picture."""
    shutil.copytree(STANDIN, root)
    model: Any = imported(root / "model.py")
    torch.save({"g_ema": model.Generator().state_dict()}, root / "generator.pt")
    Image.new("RGB", (8, 8), "teal").save(root / "picture.png")
    return root


def imported(file: Path) -> ModuleType:
    """A module from a file, which is in no cache."""
    spec = importlib.util.spec_from_file_location(f"written_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def register(monkeypatch: pytest.MonkeyPatch, distribution: Path, name: str = "mine") -> Adapter:
    """Make the adapter of a distribution the only one that is installed."""
    module: Any = imported(distribution / f"zplus_{name}.py")
    monkeypatch.setitem(sys.modules, f"zplus_{name}", module)
    adapter: Adapter = module.ADAPTER
    found = plugins.Plugin(name, f"zplus-{name} 0.1", adapter, plugin=adapter)
    monkeypatch.setattr(plugins, "_in_turn", lambda: iter([found]))
    monkeypatch.setattr(plugins, "all_plugins", lambda: [found])
    monkeypatch.setattr(plugins, "named", lambda asked: found)
    return adapter


def run_here(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """``subprocess.run`` of ``python -m zplus_plugins ...``, in this process."""
    assert list(command[:3]) == [sys.executable, "-m", "zplus_plugins"]
    done = zplus(*command[3:])
    return subprocess.CompletedProcess(list(command), done.exit_code, done.stdout, done.stderr)
