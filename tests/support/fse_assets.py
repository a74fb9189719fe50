"""Synthetic assets with which the Feature-Style Encoder's unmodified scripts run on a CPU.

They fit the original repository and ``tests/standins/fse`` alike.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .pythons import run_python

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
SITE = ("bdinvert_site.py", "pti_site.py", "sam_site.py", "sam_ops.py")
INVERT, VIDEO = "test.py", "video_processing.py"


@dataclass(frozen=True)
class Assets:
    """A copy of the repository, ready to run: weights are where the scripts look for them.

    Attributes:
        root: the copy of the checkout, the folder to run scripts in.
        images: a folder of pictures crop0.jpg, crop1.png, ..., of 256x256.
        env: environment variables that every process needs.
        num_ws, w_dim: of the generator.
    """

    root: Path
    images: Path
    env: dict[str, str]
    num_ws: int
    w_dim: int

    @property
    def names(self) -> list[str]:
        """Of the pictures, in order."""
        return sorted(path.name for path in self.images.iterdir())


def checkout_of(kind: str) -> Path:
    """The folder of a checkout: the stand-in, or the real upstream."""
    return TESTS / "standins/fse" if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"], "FeatureStyleEncoder")


def prepare(workdir: Path, checkout: Path, *, count: int = 2, seed: int = 0) -> Assets:
    """Copy a checkout into a new folder and put synthetic assets where its scripts look for them.

    Args:
        workdir: a folder for the copy; must hold none yet.
        checkout: a repository of the Feature-Style Encoder's shape. It is only read.
        count: number of pictures.
        seed: of all weights.
    """
    workdir = workdir.resolve()
    root, site = workdir / "repository", workdir / "site"
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(".git", "__pycache__", "data", "*.ipynb"))
    site.mkdir()
    shutil.copyfile(HERE / "fse_site.py", site / "sitecustomize.py")
    for name in SITE:
        shutil.copyfile(HERE / name, site / name)
    env = {
        "PYTHONPATH": os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "TORCH_HOME": str(workdir / "torch_home"),
        "PYTHONDONTWRITEBYTECODE": "1",  # the copy must stay what the checkout is
    }
    spec = {
        "root": str(root),
        "torch_home": env["TORCH_HOME"],
        "images": str(workdir / "images"),
        "count": count,
        "seed": seed,
    }
    environment = {**os.environ, **env, "ZPLUS_TEST_CPU": "1", "OMP_NUM_THREADS": "1"}
    done = run_python([str(HERE / "fse_build.py"), json.dumps(spec)], root, environment, timeout=600)
    if done.returncode:
        raise RuntimeError(f"The assets could not be built:\n{done.stderr[-4000:]}")
    return Assets(root=root, images=workdir / "images", env=env, **json.loads(done.stdout.splitlines()[-1]))


def run_script(
    assets: Assets, script: str, args: Sequence[str], env: Mapping[str, str], *, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run a script of the repository as its users do, from its root, and capture what it prints."""
    environment = {**os.environ, **assets.env, **env, "OMP_NUM_THREADS": "1"}
    return run_python([script, *args], assets.root, environment, timeout)


def oracle_env() -> dict[str, str]:
    """Environment variables with which an untouched script runs without CUDA and without zplus_plugins."""
    return {"ZPLUS_TEST_CPU": "1", "ZPLUS_TEST_SEED": "3"}


def invert_args(assets: Assets, out: Path) -> list[str]:
    """Arguments of test.py."""
    return ["--input_path", f"{assets.images}/", "--save_path", f"{out}/"]


def video_args(function: str, out: Path, *, alpha: int = 1) -> list[str]:
    """Arguments of video_processing.py for a video ``clip.mp4`` whose frames are below ``out``."""
    options = {"function": function, "video_path": "clip.mp4", "output_path": f"{out}/", "attr": "Toy", "alpha": alpha}
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]
