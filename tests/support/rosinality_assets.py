"""Synthetic assets with which the unmodified scripts of rosinality's stylegan2-pytorch run on a CPU, and runs of them.

They fit the original repository and ``tests/standins/rosinality`` alike.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .places import STANDINS
from .pythons import run_python

HERE = Path(__file__).resolve().parent
SIZE, LAYERS, STEPS = 16, 6, 100  # LPIPS halves pictures four times; fewer steps than 100 leave no picture to draw


@dataclass(frozen=True)
class Assets:
    """A copy of the repository, and beside it what its scripts are given.

    Attributes:
        root: the copy of the checkout.
        work: a folder with generator.pt, first.png and second.png, to be read only.
        env: environment variables that every process needs.
    """

    root: Path
    work: Path
    env: Mapping[str, str]


def checkout_of(kind: str) -> Path:
    """The folder of a checkout: the stand-in or the real upstream."""
    return STANDINS / "rosinality" if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"]) / "stylegan2-pytorch"


def prepare(folder: Path, checkout: Path) -> Assets:
    """Copy a checkout, which is only read, and make what it needs.

    Raises:
        RuntimeError: the assets could not be built.
    """
    assets = Assets(folder / "repository", folder / "work", _environment(folder))
    shutil.copytree(checkout, assets.root, ignore=shutil.ignore_patterns(".git", "__pycache__", "*.png"))
    for path in (assets.work, folder / "site"):
        path.mkdir()
    shutil.copyfile(HERE / "rosinality_site.py", folder / "site" / "sitecustomize.py")
    shutil.copyfile(HERE / "bdinvert_site.py", folder / "site" / "bdinvert_site.py")
    spec = {"root": str(assets.root), "work": str(assets.work), "torch_home": assets.env["TORCH_HOME"], "size": SIZE}
    build = str(HERE / "rosinality_build.py")
    done = run(assets, assets.work, [build, json.dumps(spec)], ZPLUS_TEST_CPU="1")
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
    return assets


def run(assets: Assets, cwd: Path, arguments: Sequence[object], **env: str) -> subprocess.CompletedProcess[str]:
    """``python ARGUMENTS`` with one thread, in a folder that gets the results."""
    environment = {**os.environ, **assets.env, **env, "OMP_NUM_THREADS": "1"}
    return run_python([*map(str, arguments)], cwd, environment, timeout=900)


def zplus(
    assets: Assets, cwd: Path, *arguments: object, check: bool = True, **env: str
) -> subprocess.CompletedProcess[str]:
    """``zplus run ARGUMENTS`` in a folder."""
    done = run(assets, cwd, ["-m", "zplus_plugins", "run", *arguments], **env)
    assert done.returncode == 0 or not check, done.stderr[-4000:]
    return done


def project(assets: Assets, *pictures: str | Path, w_plus: bool = True, **options: object) -> list[str]:
    """The words of a command that projects pictures: names in the assets' folder, or paths."""
    given = {"ckpt": assets.work / "generator.pt", "size": SIZE, "step": STEPS, **options}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    flags = ["--w_plus"] if w_plus else []
    return [str(assets.root / "projector.py"), *words, *flags, *(str(assets.work / picture) for picture in pictures)]


def _environment(folder: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(folder / "site"),
        "TORCH_HOME": str(folder / "torch_home"),
        "PYTHONDONTWRITEBYTECODE": "1",  # the copy must stay what the checkout is
    }
