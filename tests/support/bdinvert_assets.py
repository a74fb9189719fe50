"""Synthetic assets with which BDInvert's unmodified scripts run on a CPU in seconds.

They fit the original repository, the authors' fork and ``tests/standins/bdinvert`` alike.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .pythons import run_python

HERE = Path(__file__).resolve().parent
BASE_SIZE = 8
# edit.py wants base codes of 512 channels: 4096 // 8. Nothing listens on the address, so a script that tries
# to download a checkpoint fails at once.
ZOO_ENTRY = {"resolution": 64, "fmaps_base": 4096, "fmaps_max": 512, "url": "http://127.0.0.1:9/model.pth"}


@dataclass(frozen=True)
class Assets:
    """A copy of the repository, ready to run.

    Attributes:
        root: the copy of the checkout.
        cwd: the folder to run scripts in.
        model_name: a key of its model zoo, 64 px, whose checkpoint lies where the scripts look for it.
        encoder: a base code encoder, saved as if by a GPU.
        image_list: a file that names the target images, relative to cwd.
        pnorm_root: the statistics of the P_N regulariser.
        env: environment variables that every process needs.
        base_size: the spatial size of the base code that the encoder makes.
    """

    root: Path
    cwd: Path
    model_name: str
    encoder: Path
    image_list: Path
    pnorm_root: Path
    env: dict[str, str]
    base_size: int


def prepare(
    workdir: Path,
    checkout: Path,
    *,
    family: Literal["stylegan2", "stylegan"] = "stylegan2",
    images: int = 2,
    seed: int = 0,
    cache: Path | None = None,
) -> Assets:
    """Copy a checkout into a new folder and put synthetic assets beside it.

    Args:
        workdir: a folder for the copy; must hold none yet.
        checkout: a repository of BDInvert's shape. It is only read.
        family: of the generator.
        images: number of target images.
        seed: of all weights and crops; the same seed gives the same bytes.
        cache: where the LPIPS weights (69 MB) are kept between preparations; workdir by default.

    Raises:
        FileExistsError: workdir already holds a copy.
        RuntimeError: the assets could not be built.
    """
    workdir = workdir.resolve()
    root = workdir / "repository"
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    cwd = root / "BDInvert"
    assets = Assets(
        root=root,
        cwd=cwd,
        model_name=f"{family}_synthetic64",
        encoder=cwd / "synthetic" / "encoder.pth",
        image_list=cwd / "synthetic" / "images.list",
        pnorm_root=cwd / "synthetic" / "pnorm",
        env=_environment(workdir, (cache or workdir).resolve()),
        base_size=BASE_SIZE,
    )
    _write_site(workdir, assets.model_name, {"gan_type": family, **ZOO_ENTRY})
    _build(assets, family, images, seed)
    targets = (f"synthetic/images/crop{number}.png\n" for number in range(images))
    assets.image_list.write_text("".join(targets))
    return assets


def oracle_env(assets: Assets) -> dict[str, str]:
    """The environment in which an untouched script runs without CUDA and without zplus_plugins."""
    return {**assets.env, "ZPLUS_TEST_CPU": "1"}


def run_script(
    assets: Assets, script: str, args: Sequence[str], env: Mapping[str, str], *, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a script of the repository as its users do, in its folder, and capture what it prints.

    It gets one thread: floating-point sums depend on the number of threads, and tests compare bytes.
    """
    environment = {**os.environ, **assets.env, **env, "OMP_NUM_THREADS": "1"}
    return run_python([script, *args], assets.cwd, environment, timeout)


def invert_args(assets: Assets, steps: int) -> list[str]:
    """Arguments of invert.py; relative paths, so that runs in different folders record the same ones."""
    options = {
        "model_name": assets.model_name,
        "encoder_pt_path": os.path.relpath(assets.encoder, assets.cwd),
        "image_list": os.path.relpath(assets.image_list, assets.cwd),
        "pnorm_root": os.path.relpath(assets.pnorm_root, assets.cwd),
        "basecode_spatial_size": assets.base_size,
        "num_iters": steps,
    }
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def _environment(workdir: Path, cache: Path) -> dict[str, str]:
    search = [str(workdir / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(search),
        "TORCH_HOME": str(cache / "torch_home"),
        "ZPLUS_TEST_ZOO": str(workdir / "site" / "zoo.json"),
        "MPLBACKEND": "Agg",  # the encoder's training script plots
    }


def _write_site(workdir: Path, model_name: str, zoo_entry: Mapping[str, object]) -> None:
    site = workdir / "site"
    site.mkdir()
    shutil.copyfile(HERE / "bdinvert_site.py", site / "sitecustomize.py")
    (site / "zoo.json").write_text(json.dumps({model_name: zoo_entry}))


def _build(assets: Assets, family: str, images: int, seed: int) -> None:
    spec = {
        "root": str(assets.root),
        "model_name": assets.model_name,
        "family": family,
        "base_size": assets.base_size,
        "checkpoint": str(assets.cwd / "checkpoints" / f"{assets.model_name}.pth"),
        "encoder": str(assets.encoder),
        "pnorm_root": str(assets.pnorm_root),
        "image_folder": str(assets.cwd / "synthetic" / "images"),
        "images": images,
        "torch_home": assets.env["TORCH_HOME"],
        "seed": seed,
    }
    # The copy must stay what the checkout is, so no bytecode in it.
    env = {"PYTHONDONTWRITEBYTECODE": "1"}
    done = run_script(assets, str(HERE / "bdinvert_build.py"), [json.dumps(spec)], env, timeout=600)
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
