"""Synthetic assets with which HFGI3D's unmodified script runs on a CPU, and its runs.

They fit the original repository, the authors' fork of it, and ``tests/standins/hfgi3d`` alike. The script's second part
runs ``python``, which is a command of ours here: what it computes needs CUDA and pytorch3d.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .places import ROOT
from .pti_assets import Settings, merged
from .pythons import run_python

HERE = Path(__file__).resolve().parent
STANDIN, PTI = ROOT / "tests" / "standins" / "hfgi3d", ROOT / "tests" / "standins" / "pti"
CHECKOUTS = {"upstream": "HFGI3D", "fork": "authors-fork/HFGI3D"}
SCRIPT = "run_pti.py"
# The second's name holds the first's, so the script inverts both for name = "a1".
NAMES = ("a1", "a12")
STEPS = 4


@dataclass(frozen=True)
class Assets:
    """A copy of the repository, ready to run.

    Attributes:
        root: the copy of the checkout.
        cwd: the folder that its scripts are run in.
        generator: the generator's pickle.
        images: the folder of images and poses.
        num_ws: of the generator.
        python: the folder with the command ``python``.
        env: environment variables that every process needs.
    """

    root: Path
    cwd: Path
    generator: Path
    images: Path
    num_ws: int
    python: Path
    env: dict[str, str]


def prepare(workdir: Path, kind: str, cache: Path) -> Assets:
    """Copy a checkout into a new folder and put synthetic assets into it.

    Args:
        workdir: a folder for the copy; must hold none yet.
        kind: ``standin``, ``upstream`` or ``fork``.
        cache: where the LPIPS weights are kept between preparations.
    """
    root = workdir / "repository"
    checkout = STANDIN if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"]) / CHECKOUTS[kind]
    # Neither the pose estimation nor 60 MB of films are read.
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(".git", "__pycache__", "pose_estimation", "pics"))
    for folder in ("torch_utils", "dnnlib") if kind == "standin" else ():
        shutil.copytree(PTI / folder, root / "inversion" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    site = workdir / "site"
    site.mkdir()
    shutil.copyfile(HERE / "pti_site.py", site / "sitecustomize.py")
    shutil.copyfile(HERE / "bdinvert_site.py", site / "bdinvert_site.py")
    (site / "imageio_ffmpeg.py").touch() if kind == "standin" else None  # its films need no codec
    env = {
        "PYTHONPATH": os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "TORCH_HOME": str(cache / "torch_home"),
        "DNNLIB_CACHE_DIR": str(workdir / "dnnlib"),
        "MPLBACKEND": "Agg",
    }
    assets = Assets(
        root=root,
        cwd=root / "inversion" / "scripts",
        generator=root / "inversion" / "ffhq512-128.pkl",
        images=root / "synthetic",
        num_ws=5 if kind == "standin" else 14,
        python=write_python(workdir / "bin"),
        env=env,
    )
    spec = {
        "root": str(root),
        "real": kind != "standin",
        "resolution": 32 if kind == "standin" else 128,
        "generator": str(assets.generator),
        "images": str(assets.images),
        "names": NAMES,
        "torch_home": env["TORCH_HOME"],
        "downloads": str(workdir / "dnnlib" / "downloads"),
        "seed": 0,
    }
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "ZPLUS_TEST_CPU": "1"}
    done = run(assets, [str(HERE / "hfgi3d_build.py"), json.dumps(spec)], environment)
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
    return assets


def write_python(folder: Path, *, absent: tuple[str, ...] = (), cuda: bool = True, views: str = "") -> Path:
    """A folder with a command ``python`` that has the modules asked for, and makes views with little work.

    Args:
        folder: a new one.
        absent: modules that it does not have.
        cuda: whether it sees a device.
        views: code that it runs in the place of ``generate_multi_views.py``.
    """
    folder.mkdir()
    command = folder / "python"
    script = STANDIN / "multi_views" / "generate_multi_views.py"
    run_views = views or f"import runpy; del sys.argv[0]; runpy.run_path({str(script)!r}, run_name='__main__')"
    answer = json.dumps([list(absent), cuda])
    lines = ["import sys", "if sys.argv[1] == '-c':", f"    print({answer!r})", "else:", f"    {run_views}"]
    command.write_text("\n".join([f"#!{sys.executable} -SI", *lines, ""]))
    command.chmod(0o755)
    return folder


def write_config(assets: Assets, out: Path, **changes: object) -> Path:
    """A configuration whose results go to the folder ``out``, beside it; one name for each configuration."""
    values: dict[str, object] = {
        "stylegan2_ada_ffhq": "../ffhq512-128.pkl",
        "input_data_path": "../../synthetic/",
        **{"name": NAMES[0], "input_data_id": "data", "pti_results_keyword": "PTI", "optimization": True},
        **{"checkpoints_dir": str(out / "checkpoints"), "embedding_base_dir": str(out / "embeddings")},
        **{"experiments_output_dir": str(out / "output"), "multi_views_output_dir": str(out / "views")},
        "z_results_keyword": "Z",  # of the fork, as the next one
        "boundaries_dir": str(out / "boundaries"),
        **changes,
    }
    path = out.with_suffix(".config.py")
    path.write_text("".join(f"{name} = {value!r}\n" for name, value in values.items() if value is not None))
    return path


def hyperparameters(**values: object) -> Settings:
    """Few steps; and no early end of the tuning by chance."""
    few = {"first_inv_steps": STEPS, "max_pti_steps": 1, "max_pti_steps_multiviews": 1, "LPIPS_value_threshold": 0.0}
    return {"configs.hyperparameters": {"first_inv_type": "w", **few, **values}}


def run(
    assets: Assets, arguments: list[str], env: Mapping[str, str], settings: Settings | None = None
) -> subprocess.CompletedProcess[str]:
    """``python ARGUMENTS`` in the scripts' folder, with one thread."""
    environment = {**os.environ, **assets.env, "OMP_NUM_THREADS": "1", **env}
    environment.setdefault("ZPLUS_TEST_SETTINGS", json.dumps(settings or {}))
    environment["PATH"] = f"{assets.python}{os.pathsep}{environment['PATH']}"
    return run_python(arguments, assets.cwd, environment, timeout=1200)


def untouched(assets: Assets, config: Path, **values: object) -> subprocess.CompletedProcess[str]:
    """The script without zplus_plugins, on today's libraries and without CUDA; every random stream is seeded."""
    settings = merged(hyperparameters(**values), {"training.coaches.base_coach": {}})
    return run(assets, [SCRIPT, str(config)], seeded(cpu=True), settings)


def seeded(*, cpu: bool) -> dict[str, str]:
    """An environment that seeds what the script does not: its name of a run, noise and the choice of views."""
    projection = {"ZPLUS_TEST_SEED": "0", "ZPLUS_TEST_PROJECTION": json.dumps({"seed": 3})}
    return {**projection, "PYTHONDONTWRITEBYTECODE": "1", **({"ZPLUS_TEST_CPU": "1"} if cpu else {})}


def given(**values: object) -> list[str]:
    """``--set`` for the same settings."""
    some = hyperparameters(**values)["configs.hyperparameters"]
    return [f"--set=configs.hyperparameters.{name}={value}" for name, value in some.items()]


def zplus(
    assets: Assets,
    out: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    config: Path | None = None,
    check: bool = True,
    **values: object,
) -> subprocess.CompletedProcess[str]:
    """``zplus run OPTIONS run_pti.py CONFIG`` with results in ``out``."""
    command = ["-m", "zplus_plugins", "run", "--summary", f"{out}.json", *given(**values), *options]
    done = run(assets, [*command, SCRIPT, str(config or write_config(assets, out))], env or {})
    assert done.returncode == 0 or not check, done.stdout[-2000:] + done.stderr[-4000:]
    return done


def pivot(out: Path, name: str) -> Path:
    """Where the code of an image is saved."""
    return out / "embeddings" / "data" / "PTI" / name / "0.pt"


def summary(out: Path) -> dict[str, Any]:
    """What a run says that it did."""
    loaded: dict[str, Any] = json.loads(Path(f"{out}.json").read_text())
    return loaded
