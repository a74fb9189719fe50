"""Runs of SAM's scripts through our command line, and what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .sam_assets import Assets, invert_args, oracle_env, run_script, single_args

TESTS = Path(__file__).resolve().parents[1]
DRIVER = Path(__file__).with_name("driver.py")
INVERT, SINGLE = "src/sam_inv_optimization.py", "src/single_latent_inv.py"
STEPS = 3


def checkout_of(kind: str) -> Path:
    """The folder of a checkout: the stand-in or the real upstream."""
    return TESTS / "standins" / "sam" if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"]) / "sam_inversion"


def zplus(assets: Assets, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """``zplus run arguments...`` in the repository's folder."""
    done = run_script(assets, "-m", ["zplus_plugins", "run", *map(str, arguments)], {}, timeout=1800)
    assert done.returncode == 0 or not check, done.stderr[-4000:]
    return done


def invert(assets: Assets, out: Path, *options: str, steps: int = STEPS, extra: tuple[str, ...] = ()) -> dict[str, Any]:
    """Invert one image through the command line; the summary, and what was said under ``"said"``."""
    return _run(assets, out, options, INVERT, [*invert_args(assets, steps), *extra])


def invert_single(assets: Assets, out: Path, latent: str, *options: str, steps: int = STEPS) -> dict[str, Any]:
    """Invert all images with one kind of latent; as :func:`invert`."""
    return _run(assets, out, options, SINGLE, single_args(assets, steps, latent))


def untouched(assets: Assets, out: Path, *arguments: str) -> None:
    """The upstream's inversion without this package, on a CPU."""
    command = [*invert_args(assets, STEPS), *arguments, "--output_path", str(out)]
    done = run_script(assets, INVERT, command, oracle_env(assets), timeout=1800)
    assert done.returncode == 0, done.stderr[-4000:]


def with_generator(assets: Assets, code: str) -> str:
    """Run Python code on the generator ``G``, in a process without this package; what it prints last."""
    loading = (
        "import json, sys; sys.path.insert(0, 'src/nets/stylegan3'); import dnnlib, legacy, numpy, torch; "
        f"G = legacy.load_network_pkl(open({str(assets.generator)!r}, 'rb'))['G_ema'].eval(); "
    )
    done = run_script(assets, "-c", [loading + code], oracle_env(assets), timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return (done.stdout.splitlines() or [""])[-1]


def drive(assets: Assets, tmp_path: Path, settings: dict[str, Any], *arguments: object) -> None:
    """A run through ``support/driver.py``, with what an untouched one after it needs on a CPU."""
    (tmp_path / "settings.json").write_text(json.dumps({"adapter": "sam", **settings}))
    command = [str(tmp_path / "settings.json"), *map(str, arguments)]
    done = run_script(assets, str(DRIVER), command, oracle_env(assets), timeout=1800)
    assert done.returncode == 0, done.stderr[-4000:]


def signal_to_noise(assets: Assets, out: Path, target: Path) -> float:
    """PSNR of the one reconstruction, in dB, at the generator's resolution."""
    (picture,) = out.rglob("final/reconstruction*.png")
    size = (assets.resolution, assets.resolution)
    wanted = np.asarray(Image.open(target).convert("RGB").resize(size, Image.Resampling.BOX)) / 255.0
    found = np.asarray(Image.open(picture).convert("RGB")) / 255.0
    return float(-10 * np.log10(((found - wanted) ** 2).mean()))


def _run(assets: Assets, out: Path, options: tuple[str, ...], script: str, arguments: list[str]) -> dict[str, Any]:
    summary = out.parent / f"{out.name}.json"
    done = zplus(assets, "--summary", summary, *options, script, *arguments, "--output_path", out)
    return {**json.loads(summary.read_text()), "said": done.stderr, "printed": done.stdout}
