"""The distribution: one name on the import path, layers that hold, types that check."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
import torch

from support.documents import block
from support.places import ROOT

OLD_TORCH = pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 8), reason="types are checked against today's torch"
)


@OLD_TORCH
def test_types() -> None:
    """mypy --strict on the tree itself, and on the script of docs/library.md as its user sees it, by py.typed.

    The script lies beside what mypy keeps: if nothing has changed since an earlier run, nothing is checked again.
    """
    folder = ROOT / ".mypy_cache" / "script"
    folder.mkdir(parents=True, exist_ok=True)
    loose = "# mypy: allow-untyped-defs, allow-untyped-calls\n"
    checks = "reveal_type(found.loss)\nreveal_type(older.image())\nzplus.invert(5)\n"
    (folder / "readme_script.py").write_text(loose + block("the script") + checks)
    command = [sys.executable, "-m", "mypy", "-p", "zplus_plugins", "-m", "readme_script"]
    places = {**os.environ, "MYPYPATH": str(folder)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=places)
    *lines, summary = done.stdout.splitlines() or [done.stderr]
    said = [line.partition("readme_script.py:")[2].partition(": ")[2] for line in lines]
    assert said[:2] == ['note: Revealed type is "float"', 'note: Revealed type is "PIL.Image.Image"'], (
        done.stdout + done.stderr
    )
    assert "error: Argument 1 to" in said[2] and len(lines) == 3 and summary.startswith("Found 1 error"), done.stdout


def test_the_checkout_is_a_light_package_by_itself(tmp_path: Path) -> None:
    """Without an installation: adapters/ and patches/ are inside zplus_plugins by links.

    No upstream library, no LPIPS and no CUDA before they are used.
    """
    code = (
        f"import sys; sys.path[:0] = {[str(ROOT), *sys.path]!r}\n"
        "import torch, zplus_plugins.cli.run, zplus_plugins.adapters.pti as pti\n"
        "heavy = {'lpips', 'torchvision', 'cv2', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert not torch.cuda.is_initialized()\n"
        "print(pti.__file__)\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(ROOT)


@pytest.mark.parametrize("package", ["zplus_plugins", "zplus_plugins.upstreams"])
def test_public_names_exist(package: str) -> None:
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(getattr(module, name).__doc__ for name in module.__all__ if name[:1].isupper() and name != "SPACES")
    for name in module.__all__:
        assert hasattr(module, name)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["no-such-command"], None])
def test_what_needs_no_torch_imports_none(arguments: list[str] | None, tmp_path: Path) -> None:
    """Help, the version, a mistyped command, and, as None, completion of a command's name."""
    code = (
        "import sys\n"
        "sys.argv = ['zplus', *sys.argv[1:]]\n"
        "import zplus_plugins, zplus_plugins.upstreams\n"
        "from zplus_plugins.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('heavy:', {'torch', 'numpy', 'PIL'} & set(sys.modules))\n"
    )
    completing = {"_ZPLUS_COMPLETE": "bash_complete", "COMP_WORDS": "zplus do", "COMP_CWORD": "1"}
    environment = {**os.environ, **({} if arguments is not None else completing)}
    command = [sys.executable, "-c", code, *(arguments or [])]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "heavy: set()" in done.stdout
    assert arguments is not None or "doctor" in done.stdout


def test_the_help_lists_every_command() -> None:
    from zplus_plugins.cli.main import COMMANDS, main

    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
    assert all(place.summary.endswith(".") and len(place.summary) < 65 for place in COMMANDS.values())
