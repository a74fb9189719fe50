"""Copies of NVlabs' projector and its descendant's, of the originals or the stand-ins, with synthetic assets."""

from __future__ import annotations

import codecs
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .places import ROOT
from .pythons import run_python

HERE = Path(__file__).resolve().parent
STANDINS = ROOT / "tests" / "standins"
CHECKOUTS = {"stylegan2-ada": "stylegan2-ada-pytorch", "stylegan3-fun": "stylegan3-fun"}
NETWORKS = {"stylegan2-ada": ("networks",), "stylegan3-fun": ("networks_stylegan2", "networks_stylegan3")}
# A video's frames as the projector hands them to imageio, in the place of a coded file.
VIDEO = """
import numpy
class get_writer:
    def __init__(self, path, **settings): self.path, self.frames = path, []
    def append_data(self, frame): self.frames.append(frame)
    def close(self):
        with open(self.path, "wb") as file: numpy.save(file, numpy.stack(self.frames))
"""


@dataclass(frozen=True)
class Assets:
    """A copy of a repository, ready to run.

    Attributes:
        root: of the copy; ``generator.pkl``, ``conditional/generator.pkl`` and ``target.png`` are in it.
        site: a folder of modules for PYTHONPATH: a stand-in for imageio and its codec, and a sitecustomize with which
            untouched scripts run without CUDA.
        env: environment variables that every run needs.
    """

    root: Path
    site: Path
    env: dict[str, str]


def prepare(workdir: Path, name: str, kind: str, networks: int = 0) -> Assets:
    """Copy a checkout into a new folder and put synthetic assets into it.

    Args:
        workdir: a folder for the copy.
        name: the adapter's.
        kind: ``standin`` or ``upstream``.
        networks: which of the repository's own networks the snapshot has.

    Raises:
        RuntimeError: the assets could not be built.
    """
    root, site = workdir / "repository", workdir / "site"
    ignore = shutil.ignore_patterns(".git", "__pycache__", "docs", "README.md", "ruff.toml")
    if kind == "standin":
        shutil.copytree(STANDINS / name, root, ignore=ignore)
        for part in ("dnnlib", "torch_utils"):
            shutil.copytree(STANDINS / "pti" / part, root / part, ignore=ignore, dirs_exist_ok=True)
        legacy = (STANDINS / "stylegan2-ada" / "legacy.py").read_bytes()
        (root / "legacy.py").write_bytes(codecs.BOM_UTF8 + legacy)
        (root / "training").mkdir()
        for module in NETWORKS[name]:
            shutil.copyfile(HERE / "pti_networks.py", root / "training" / f"{module}.py")
    else:
        shutil.copytree(Path(os.environ["ZPLUS_UPSTREAMS"]) / CHECKOUTS[name], root, ignore=ignore)
    site.mkdir()
    (site / "imageio.py").write_text(VIDEO)
    (site / "imageio_ffmpeg.py").touch()
    shutil.copyfile(HERE / "pti_site.py", site / "sitecustomize.py")
    shutil.copyfile(HERE / "bdinvert_site.py", site / "bdinvert_site.py")
    env = {"DNNLIB_CACHE_DIR": str(workdir / "dnnlib"), "PYTHONDONTWRITEBYTECODE": "1"}
    assets = Assets(root, site, env)
    specification = {
        "root": str(root),
        "networks": f"training/{NETWORKS[name][networks]}.py",
        "resolution": 32,
        "downloads": str(workdir / "dnnlib" / "downloads"),
    }
    done = run_script(assets, [str(HERE / "nvlabs_build.py"), json.dumps(specification)], {**untouched(assets)})
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
    return assets


def untouched(assets: Assets) -> dict[str, str]:
    """The environment in which the untouched scripts run today, without CUDA and without zplus_plugins."""
    return {"PYTHONPATH": str(assets.site), "ZPLUS_TEST_CPU": "1"}


def run_script(assets: Assets, arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """``python ARGUMENTS`` in the repository's folder, with one thread."""
    return run_python(arguments, assets.root, {**os.environ, **assets.env, **env, "OMP_NUM_THREADS": "1"}, 600)
