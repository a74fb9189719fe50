"""The distribution: one name on the import path, layers that hold, types that check."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[1]
LAYERS = ("zplus_plugins", "patches", "adapters")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    folder = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns(".git", ".venv*", "build", "*.egg-info", "__pycache__")
    source = shutil.copytree(ROOT, folder / "source", ignore=ignored)
    shutil.rmtree(source / "tests")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    done = subprocess.run([*build, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_s_top_level_is_zplus_plugins_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"zplus_plugins"}
    for part in (
        "py.typed",
        "adapters/bdinvert.py",
        "patches/device.py",
        *(f"ops/csrc/{path.name}" for path in (ROOT / "zplus_plugins" / "ops" / "csrc").iterdir()),
        *(f"weights/{name}.pt" for name in ("generator", "regressor", "encoder")),
        "upstreams/template/setup.cfg",
        "upstreams/template/zplus_new_name.py",
        "upstreams/template/tests/standin/invert.py",
    ):
        assert f"zplus_plugins/{part}" in names


OLD_TORCH = pytest.mark.skipif(
    tuple(map(int, torch.__version__.split(".")[:2])) < (2, 8), reason="types are checked against today's torch"
)


@OLD_TORCH
def test_types(wheel: Path, tmp_path: Path) -> None:
    """mypy --strict on the installed package: in the tree it cannot see that adapters/ is inside zplus_plugins."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "zplus_plugins"]
    environment = {**os.environ, "MYPYPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_run_one_way(layer: str) -> None:
    above = {f"zplus_plugins.{name}" for name in LAYERS[LAYERS.index(layer) + 1 :]}
    template = ROOT / "zplus_plugins" / "upstreams" / "template"  # somebody else's distribution, on top of all layers
    for file in (path for path in (ROOT / layer).rglob("*.py") if not path.is_relative_to(template)):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
            assert not [name for name in names if ".".join(name.split(".")[:2]) in above], file


def test_public_names_exist() -> None:
    import zplus_plugins

    assert sorted(zplus_plugins.__all__) == zplus_plugins.__all__
    assert all(getattr(zplus_plugins, name).__doc__ for name in zplus_plugins.__all__ if name[0].isupper())
    for name in zplus_plugins.__all__:
        assert hasattr(zplus_plugins, name)


def test_importing_the_package_is_light(tmp_path: Path) -> None:
    """No upstream library, no LPIPS and no CUDA before they are used."""
    code = (
        "import sys, torch, zplus_plugins, zplus_plugins.cli.main\n"
        "heavy = {'lpips', 'torchvision', 'cv2', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert not torch.cuda.is_initialized()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
