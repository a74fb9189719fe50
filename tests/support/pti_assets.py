"""Synthetic assets with which PTI's unmodified scripts run on a CPU.

They fit the original repository and ``tests/standins/pti`` alike. PTI has no command line: its scripts read
attributes of ``configs/*.py``, so a run is described by :data:`Settings`, which a ``sitecustomize`` applies as
soon as the modules have been imported.
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
# The name that an image's results get is its file's up to the first dot, so no folder may have a dot either.
IMAGES, GENERATOR = "synthetic/images", "synthetic/generator.pkl"
DATA_ID, RUN_NAME = "synthetic", "run"

Settings = Mapping[str, Mapping[str, object]]
"""Attributes by module: ``{"configs.hyperparameters": {"max_pti_steps": 3}}``.

A value ``"import:MODULE"`` or ``"import:MODULE:NAME"`` stands for what it names, so that a run can have another
projector, for example: ``{"training.coaches.base_coach": {"w_projector": "import:..."}}``.
"""


@dataclass(frozen=True)
class Assets:
    """A copy of the repository, ready to run.

    Attributes:
        root: the copy of the checkout.
        cwd: the folder to run scripts in; the same.
        generator: the generator's pickle.
        images: the folder of target images.
        names: of the images, as they appear in results.
        resolution: of the generator and the images, in pixels.
        env: environment variables that every process needs.
        settings: what every run needs; results go to the folder ``results`` of cwd.
    """

    root: Path
    cwd: Path
    generator: Path
    images: Path
    names: tuple[str, ...]
    resolution: int
    env: dict[str, str]
    settings: Settings


def prepare(
    workdir: Path,
    checkout: Path,
    *,
    resolution: Literal[64, 1024] = 64,
    images: int = 2,
    seed: int = 0,
    cache: Path | None = None,
    networks: Path | None = None,
) -> Assets:
    """Copy a checkout into a new folder and put synthetic assets beside it.

    Args:
        workdir: a folder for the copy; must hold none yet.
        checkout: a repository of PTI's shape. It is only read.
        resolution: of the generator. At 64 px only ``w_plus_projector`` works: the other one's result always
            has 18 codes, and the latent creators enlarge their images to 1024 px.
        images: number of target images.
        seed: of all weights and crops; the same seed gives the same values (old pickles also hold addresses).
        cache: where the LPIPS weights (69 MB) are kept between preparations; workdir by default.
        networks: the source that the generator's pickle carries; ``training/networks.py`` of a checkout of
            stylegan2-ada-pytorch, or :mod:`support.pti_networks` by default. PTI itself has none.

    Raises:
        FileExistsError: workdir already holds a copy.
        RuntimeError: the assets could not be built.
    """
    workdir = workdir.resolve()
    root = workdir / "repository"
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    assets = Assets(
        root=root,
        cwd=root,
        generator=root / GENERATOR,
        images=root / IMAGES,
        names=tuple(f"crop{number}" for number in range(images)),
        resolution=resolution,
        env=_environment(workdir, (cache or workdir).resolve()),
        settings=merged(
            {"configs.paths_config": {"stylegan2_ada_ffhq": GENERATOR, "input_data_path": IMAGES}},
            outputs(Path("results")),
            hyperparameters(first_inv_steps=5, max_pti_steps=3),
        ),
    )
    _write_site(workdir)
    _build(assets, networks or HERE / "pti_networks.py", seed)
    return assets


def oracle_env(assets: Assets) -> dict[str, str]:
    """The environment in which an untouched script runs today, without CUDA and without zplus_plugins.

    Every global random stream is seeded, so two runs write the same bytes.
    """
    search = [assets.env["PYTHONPATH"], str(assets.root)]  # the scripts import from the root, which nothing adds
    return {
        **assets.env,
        "PYTHONPATH": os.pathsep.join(search),
        "ZPLUS_TEST_CPU": "1",
        "ZPLUS_TEST_SEED": "0",
    }


def run_script(
    assets: Assets,
    script: str,
    args: Sequence[str],
    env: Mapping[str, str],
    *,
    timeout: float,
    settings: Settings | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a script in the repository's folder, and capture what it prints.

    It gets one thread: floating-point sums depend on the number of threads, and tests compare bytes.

    Args:
        assets: the copy to run in.
        script: a path from its root, or ``-c`` or ``-m`` with the rest in args.
        args: its arguments; PTI's own scripts take none.
        env: more variables, such as :func:`oracle_env`'s.
        timeout: in seconds.
        settings: wins over the assets' own, attribute by attribute.
    """
    environment = {**os.environ, **assets.env, **env, "OMP_NUM_THREADS": "1"}
    environment["ZPLUS_TEST_SETTINGS"] = json.dumps(merged(assets.settings, settings or {}))
    return run_python([script, *args], assets.cwd, environment, timeout)


def merged(*settings: Settings) -> Settings:
    """All settings in one; later ones win."""
    result: dict[str, dict[str, object]] = {}
    for some in settings:
        for module, values in some.items():
            result.setdefault(module, {}).update(values)
    return result


def outputs(folder: Path) -> Settings:
    """Settings that send the results of a run to a folder; for its parts see the functions below."""
    return {
        "configs.paths_config": {
            "input_data_id": DATA_ID,
            "embedding_base_dir": str(folder / "embeddings"),
            "checkpoints_dir": str(folder / "checkpoints"),
            "experiments_output_dir": str(folder / "experiments"),
        }
    }


def hyperparameters(**values: object) -> Settings:
    """Settings of ``configs/hyperparameters.py``."""
    return {"configs.hyperparameters": values}


def projector(name: Literal["w_projector", "w_plus_projector"]) -> Settings:
    """Settings with which the coaches find their pivots by another projector than ``w_projector``."""
    return {"training.coaches.base_coach": {"w_projector": f"import:training.projectors.{name}"}}


def multi_id() -> Settings:
    """Settings with which ``scripts/run_pti.py`` tunes one generator for all images."""
    coach = "import:training.coaches.multi_id_coach:MultiIDCoach"
    return {"training.coaches.single_id_coach": {"SingleIDCoach": coach}}


def run_pti_args(run_name: str = RUN_NAME, *, multi_id: bool = False) -> list[str]:
    """Arguments after ``-c`` with which Python calls ``run_PTI`` as notebooks do.

    ``scripts/run_pti.py`` itself always asks for a random name and for one generator an image.
    """
    call = f"run_PTI(run_name={run_name!r}, use_wandb=False, use_multi_id_training={multi_id})"
    return [f"from scripts.run_pti import run_PTI; {call}"]


def creator_args(name: Literal["SG2LatentCreator", "SG2PlusLatentCreator"], steps: int) -> list[str]:
    """Arguments after ``-c`` with which Python runs a latent creator for less than its 600 or 2,000 steps."""
    module = {"SG2LatentCreator": "sg2_latent_creator", "SG2PlusLatentCreator": "sg2_plus_latent_creator"}[name]
    call = f"{name}(projection_steps={steps}).create_latents()"
    return [f"from scripts.latent_creators.{module} import {name}; {call}"]


def write_mapper(assets: Assets, path: Path) -> None:
    """Save a StyleCLIP mapper with random weights; only the original repository has StyleCLIP."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = "Namespace(no_coarse_mapper=False, no_medium_mapper=False, no_fine_mapper=True)"
    code = (
        "import torch; from argparse import Namespace; torch.manual_seed(0); "
        f"from models.StyleCLIP.mapper.latent_mappers import LevelsMapper; mapper = LevelsMapper({options}); "
        "weights = {f'mapper.{name}': value for name, value in mapper.state_dict().items()}; "
        f"torch.save({{'opts': {{}}, 'state_dict': weights}}, {str(path)!r})"
    )
    done = run_script(assets, "-c", [code], oracle_env(assets), timeout=120)
    if done.returncode:
        raise RuntimeError(f"The mapper could not be built:\n{done.stderr[-4000:]}")


def pivot(folder: Path, name: str, keyword: str = "PTI") -> Path:
    """Where a run with :func:`outputs` saves the code of an image; keyword is ``SG2`` ... for latent creators."""
    return folder / "embeddings" / DATA_ID / keyword / name / "0.pt"


def tuned_generator(folder: Path, name: str, run_name: str = RUN_NAME) -> Path:
    """Where a run with :func:`outputs` saves the generator tuned for an image, or for ``multi_id``."""
    return folder / "checkpoints" / f"model_{run_name}_{name}.pt"


def _environment(workdir: Path, cache: Path) -> dict[str, str]:
    search = [str(workdir / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(search),
        "TORCH_HOME": str(cache / "torch_home"),
        "DNNLIB_CACHE_DIR": str(workdir / "dnnlib"),
        "MPLBACKEND": "Agg",
    }


def _write_site(workdir: Path) -> None:
    site = workdir / "site"
    site.mkdir()
    shutil.copyfile(HERE / "pti_site.py", site / "sitecustomize.py")
    shutil.copyfile(HERE / "bdinvert_site.py", site / "bdinvert_site.py")


def _build(assets: Assets, networks: Path, seed: int) -> None:
    spec = {
        "root": str(assets.root),
        "networks": str(networks),
        "resolution": assets.resolution,
        "generator": str(assets.generator),
        "images": str(assets.images),
        "count": len(assets.names),
        "torch_home": assets.env["TORCH_HOME"],
        "downloads": str(Path(assets.env["DNNLIB_CACHE_DIR"]) / "downloads"),
        "seed": seed,
    }
    # The copy must stay what the checkout is, so no bytecode in it.
    env = {"PYTHONDONTWRITEBYTECODE": "1", "ZPLUS_TEST_CPU": "1"}
    done = run_script(assets, str(HERE / "pti_build.py"), [json.dumps(spec)], env, timeout=600)
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
