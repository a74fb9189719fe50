"""Synthetic assets with which StyleCLIP's unmodified optimisation runs on a CPU, and runs of it.

They fit the original repository and ``tests/standins/styleclip`` alike.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from .places import STANDINS
from .rosinality_assets import Assets, run

HERE = Path(__file__).resolve().parent
SIZE, LAYERS, STEPS = 32, 8, 4  # of smaller pictures, CLIP's loss pools none
SCRIPT = "optimization/run_optimization.py"


def checkout_of(kind: str) -> Path:
    """The folder of a checkout: the stand-in or the real upstream."""
    return STANDINS / "styleclip" if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"]) / "StyleCLIP"


def prepare(folder: Path, checkout: Path) -> Assets:
    """Copy a checkout, which is only read, and make generator.pt, faces.pth and the code w.pt.

    Raises:
        RuntimeError: they could not be built.
    """
    root, work, site = folder / "repository", folder / "work", folder / "site"
    # The scripts' users put the repository on the path; a ``clip`` is installed.
    env = {"PYTHONPATH": os.pathsep.join(map(str, (site, root))), "PYTHONDONTWRITEBYTECODE": "1"}
    large = (".git", "__pycache__", "img", "notebooks", "global_directions", "global_torch")
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(*large))
    for path in (work, site):
        path.mkdir()
    copies = {"rosinality_site": "sitecustomize", "bdinvert_site": "bdinvert_site", "styleclip_clip": "clip"}
    for name, copy in copies.items():
        shutil.copyfile(HERE / f"{name}.py", site / f"{copy}.py")
    assets = Assets(root, work, env)
    spec = json.dumps({"root": str(root), "work": str(work), "size": SIZE})
    done = run(assets, work, [HERE / "styleclip_build.py", spec], ZPLUS_TEST_CPU="1")
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
    return assets


def edit(assets: Assets, out: Path, **options: object) -> list[str]:
    """The words of a command that edits a code, with its results in ``out``."""
    given = {
        "ckpt": assets.work / "generator.pt",
        "ir_se50_weights": assets.work / "faces.pth",
        "stylegan_size": SIZE,
        "step": STEPS,
        "save_intermediate_image_every": 0,
        "results_dir": out,
        **options,
    }
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    return [str(assets.root / SCRIPT), *words]
