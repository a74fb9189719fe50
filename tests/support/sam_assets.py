"""Synthetic assets with which SAM's unmodified scripts run on a CPU.

They fit the original repository and ``tests/standins/sam`` alike.
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
NETS = Path("src", "nets")
SCENE_PARSER = NETS / "semantic-segmentation-pytorch" / "ckpt" / "ade20k-resnet50dilated-ppm_deepsup"
# The submodules that no test may need: where the scripts import from, and what from sam_nets they get.
STAND_INS = {
    "modeling/deeplab.py": "DeepLab",
    "model.py": "BiSeNet",
    "mit_semseg/config.py": "cfg",
    "mit_semseg/models.py": "ModelBuilder, SegmentationModule",
    "detectron2/config.py": "get_cfg",
    "detectron2/engine.py": "DefaultPredictor",
    "detectron2/model_zoo.py": "get_checkpoint_url, get_config_file",
}


@dataclass(frozen=True)
class Assets:
    """A copy of the repository, ready to run.

    Attributes:
        root: the copy of the checkout.
        cwd: the folder to run scripts in, which is the root.
        generator: the pickle of a generator, as a training run saves it.
        encoder: an encoder4editing checkpoint.
        invertibility: the invertibility network's checkpoint, saved as if by a GPU.
        images: a folder of square targets crop0.png, crop1.png, ..., 256x256.
        wide: the same targets at 256x192 (width x height).
        edits: a folder of directions coarse.npy and middle.npy, (1, num_ws, w_dim).
        env: environment variables that every process needs.
        resolution: of the generator's images.
        num_ws: of the generator.
        w_dim: of the generator, and its z_dim.
    """

    root: Path
    cwd: Path
    generator: Path
    encoder: Path
    invertibility: Path
    images: Path
    wide: Path
    edits: Path
    env: dict[str, str]
    resolution: int
    num_ws: int
    w_dim: int


def prepare(
    workdir: Path,
    checkout: Path,
    *,
    resolution: int = 128,
    images: int = 1,
    seed: int = 0,
    cache: Path | None = None,
) -> Assets:
    """Copy a checkout into a new folder and put synthetic assets beside it.

    Args:
        workdir: a folder for the copy; must hold none yet.
        checkout: a repository of SAM's shape, with its submodules stylegan3 and encoder4editing. It is only read.
        resolution: of the generator; 128 is the least that SAM's layers fit, 256 the least at which F10 shows
            in the image and that ``edits/cats`` fits.
        images: number of target images.
        seed: of all weights and crops; the same seed gives the same numbers, and but for the generator's pickle,
            which has memory addresses in it, the same bytes.
        cache: where the LPIPS weights (69 MB) are kept between preparations; workdir by default.

    Raises:
        FileExistsError: workdir already holds a copy.
        RuntimeError: the assets could not be built.
    """
    workdir = workdir.resolve()
    root = workdir / "repository"
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    folder = root / "synthetic"
    folder.mkdir()
    assets = Assets(
        root=root,
        cwd=root,
        generator=folder / "generator.pkl",
        encoder=folder / "encoder.pt",
        invertibility=folder / "invertibility.pt",
        images=folder / "images",
        wide=folder / "wide",
        edits=folder / "edits",
        env=_environment(workdir, (cache or workdir).resolve()),
        resolution=resolution,
        num_ws=0,
        w_dim=0,
    )
    _write_site(workdir / "site")
    num_ws, w_dim = _build(assets, images, seed)
    return replace(assets, num_ws=num_ws, w_dim=w_dim)


def oracle_env(assets: Assets) -> dict[str, str]:
    """The environment in which an untouched script runs without CUDA and without zplus_plugins."""
    return {**assets.env, "ZPLUS_TEST_CPU": "1"}


def run_script(
    assets: Assets, script: str, args: Sequence[str], env: Mapping[str, str], *, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a script of the repository as its users do, from its root, and capture what it prints.

    It gets one thread: floating-point sums depend on the number of threads, and tests compare bytes.
    """
    environment = {**os.environ, **assets.env, **env, "OMP_NUM_THREADS": "1"}
    return run_python([script, *args], assets.cwd, environment, timeout)


def invert_args(assets: Assets, steps: int, *, image: int = 0, category: str = "synthetic") -> list[str]:
    """Arguments of src/sam_inv_optimization.py; relative paths, so that runs in different folders record the same.

    ``--sweep_thresholds`` needs a category of upstream's, cats or faces. That overrides the segmenter and the folder
    of edits, of which ``edits/cats`` fits a generator of 256 px.
    """
    return _options(
        assets,
        steps,
        image_path=_relative(assets, assets.images / f"crop{image}.png"),
        image_category=category,
        inv_model_path=_relative(assets, assets.invertibility),
        edits_folder=_relative(assets, assets.edits),
        sem_seg_name="detectron_coco",
    )


def single_args(assets: Assets, steps: int, latent: str = "W+") -> list[str]:
    """Arguments of src/single_latent_inv.py, which inverts every image of the folder."""
    return _options(
        assets,
        steps,
        image_folder_path=_relative(assets, assets.images),
        image_category="synthetic",
        latent_name=latent,
    )


def _options(assets: Assets, steps: int, **own: str) -> list[str]:
    options: dict[str, object] = {
        **own,
        "target_H": 256,
        "target_W": 256,
        "gan_weights": _relative(assets, assets.generator),
        "e4e_path": _relative(assets, assets.encoder),
        "num_opt_steps": steps,
        "lpips_type": "alex",
    }
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def _relative(assets: Assets, path: Path) -> str:
    return os.path.relpath(path, assets.cwd)


def _environment(workdir: Path, cache: Path) -> dict[str, str]:
    search = [str(workdir / "site"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "PYTHONPATH": os.pathsep.join(search),
        "TORCH_HOME": str(cache / "torch_home"),
        "MPLBACKEND": "Agg",  # the maps of --save_intermediate are plots
        # The copy must stay what the checkout is, so no bytecode in it.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _write_site(site: Path) -> None:
    site.mkdir()
    shutil.copyfile(HERE / "sam_site.py", site / "sitecustomize.py")
    for name in ("bdinvert_site.py", "sam_nets.py", "sam_ops.py"):
        shutil.copyfile(HERE / name, site / name)
    for path, names in STAND_INS.items():
        (site / path).parent.mkdir(exist_ok=True)
        (site / path).write_text(f"from sam_nets import {names}\n")


def _build(assets: Assets, images: int, seed: int) -> tuple[int, int]:
    """Build all files; num_ws and w_dim of the generator."""
    spec = {
        "root": str(assets.root),
        "folder": str(assets.images.parent),
        "generator": str(assets.generator),
        "encoder": str(assets.encoder),
        "invertibility": str(assets.invertibility),
        "face_parser": str(assets.root / "ckpt" / "79999_iter.pth"),
        "scene_parser": [str(assets.root / SCENE_PARSER / f"{half}_epoch_20.pth") for half in ("encoder", "decoder")],
        "edits": str(assets.edits),
        "resolution": assets.resolution,
        "images": images,
        "torch_home": assets.env["TORCH_HOME"],
        "seed": seed,
    }
    script = str(HERE / "sam_build.py")
    done = run_script(assets, script, [json.dumps(spec)], oracle_env(assets), timeout=600)
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
    sizes = json.loads(done.stdout.splitlines()[-1])
    return sizes["num_ws"], sizes["w_dim"]
