"""Synthetic assets with which GANInverter's unmodified scripts run on a CPU.

They fit the original repository and ``tests/standins/ganinverter`` alike.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .pythons import run_python

HERE = Path(__file__).resolve().parent
# Modules that the scripts import, that tests must not need, and all that is used of them.
STAND_INS = {
    "loguru.py": "class logger:\n    info = warning = staticmethod(lambda *message: None)\n",
    "validators.py": "def url(text):\n    return text.startswith('http')\n",
}


@dataclass(frozen=True)
class Assets:
    """A copy of the repository, ready to run; paths are relative to it.

    Attributes:
        root: the copy of the checkout, which is the folder to run scripts in.
        env: environment variables that every process needs.
        checkpoint: an encoder and a generator, in the format of pSp and e4e.
        generator: the generator alone, with its mean style.
        images: a folder of targets crop0.png, crop1.png, ... of the generator's size.
        direction: an InterFaceGAN direction for all layers.
        components: GANSpace's.
        resolution: of the generator.
        num_ws: of the generator.
        w_dim: of the generator, and its z_dim.
    """

    root: Path
    env: dict[str, str]
    checkpoint: str = "synthetic/checkpoint.pt"
    generator: str = "synthetic/generator.pt"
    images: str = "synthetic/images"
    direction: str = "synthetic/smile.pt"
    components: str = "synthetic/components.pt"
    resolution: int = 32
    num_ws: int = 8
    w_dim: int = 0


def prepare(workdir: Path, checkout: Path, *, images: int = 2, seed: int = 0) -> Assets:
    """Copy a checkout into a new folder and put synthetic assets beside it.

    Args:
        workdir: a folder for the copy; must hold none yet.
        checkout: a repository of GANInverter's shape. It is only read.
        images: number of target images.
        seed: of all weights and crops.

    Raises:
        FileExistsError: workdir already holds a copy.
        RuntimeError: the assets could not be built.
    """
    workdir = workdir.resolve()
    root = workdir / "repository"
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    (root / "synthetic").mkdir()
    assets = Assets(root=root, env=_environment(workdir))
    _write_site(workdir / "site")
    spec = {**vars(assets), "root": str(root), "torch_home": assets.env["TORCH_HOME"], "count": images, "seed": seed}
    done = run_script(assets, str(HERE / "ganinverter_build.py"), [json.dumps(spec)], oracle_env(assets), timeout=600)
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
    return replace(assets, w_dim=int(done.stdout.splitlines()[-1]))


def oracle_env(assets: Assets) -> dict[str, str]:
    """The environment in which an untouched script runs today, without CUDA and without zplus_plugins."""
    return {**assets.env, "ZPLUS_TEST_CPU": "1", "ZPLUS_TEST_SEED": "0"}


def run_script(
    assets: Assets, script: str, args: Sequence[str], env: Mapping[str, str], *, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a script of the repository as its users do, from its root, and capture what it prints.

    It gets one thread: floating-point sums depend on the number of threads, and tests compare bytes.
    """
    environment = {**os.environ, **assets.env, **env, "OMP_NUM_THREADS": "1"}
    return run_python([script, *args], assets.root, environment, timeout)


def options(**values: object) -> list[str]:
    """Arguments of a script."""
    given = ((name, value if isinstance(value, list | tuple) else [value]) for name, value in values.items())
    return [part for name, parts in given for part in (f"--{name}", *map(str, parts))]


def inversion(assets: Assets, embed: str, refine: str | None = None, *, steps: int = 2) -> list[str]:
    """Arguments of scripts/infer.py and its siblings, but for where results go.

    Args:
        embed: ``encoder``, ``optim`` or ``code``.
        refine: ``pti``, ``sam`` or ``dhr``; None refines nothing.
        steps: of every optimizer.
    """
    given: dict[str, object] = {
        "embed_mode": embed,
        "resolution": assets.resolution,
        "test_dataset_path": assets.images,
        "stylegan_weights": assets.generator,
        "optim_step": steps,
        "start_from_latent_avg": (),
    }
    if embed == "encoder":
        given["checkpoint_path"] = assets.checkpoint
    if refine is not None:
        # the originals' layers are those of larger generators
        own = {"pti": {"pti_step": steps}, "sam": {"sam_step": steps, "latent_names": "W+,F4,F6"}, "dhr": {}}[refine]
        dhr = {"dhr_feature_step": steps, "dhr_weight_step": 1, "dhr_feature_idx": 3} if refine == "dhr" else {}
        given.update({"refine_mode": refine, **own, **dhr})
    return options(**given)


def _environment(workdir: Path) -> dict[str, str]:
    search = [str(workdir / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(search),
        "TORCH_HOME": str(workdir / "torch_home"),
        "MPLBACKEND": "Agg",
        # The copy must stay what the checkout is, so no bytecode in it.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _write_site(site: Path) -> None:
    site.mkdir()
    shutil.copyfile(HERE / "ganinverter_site.py", site / "sitecustomize.py")
    for name in ("bdinvert_site.py", "pti_site.py", "ganinverter_ops.py"):
        shutil.copyfile(HERE / name, site / name)
    for name, source in STAND_INS.items():
        (site / name).write_text(source)
