"""Runs of GANInverter's scripts through our command line, in this process, and what they leave behind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from click.testing import CliRunner, Result

from zplus_plugins import InversionRecord
from zplus_plugins.cli.main import main

from .ganinverter_assets import Assets, inversion, options, oracle_env, run_script

TESTS = Path(__file__).resolve().parents[1]
INFER, EDIT, TEST, IDENTITY = (f"scripts/{name}.py" for name in ("infer", "edit", "test", "calc_id_loss"))


def checkout_of(kind: str) -> Path:
    """The folder of a checkout: the stand-in or the real upstream."""
    return (
        TESTS / "standins" / "ganinverter" if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"], "GANInverter")
    )


def zplus(out: Path, script: str, *words: object, latent: str = "zplus", of_run: tuple[str, ...] = ()) -> Result:
    """``zplus run``, with results in a folder and the summary beside it."""
    command = ["run", *of_run, "--latent", latent, "--summary", f"{out}.json", script, "--output_dir", out, *words]
    return CliRunner().invoke(main, list(map(str, command)))


def done(out: Path, script: str, *words: object, latent: str = "zplus") -> dict[str, Any]:
    """What must succeed; its summary, and under ``"said"`` what it printed."""
    result = zplus(out, script, *words, latent=latent)
    assert result.exit_code == 0, result.output[-4000:]
    return {**json.loads(Path(f"{out}.json").read_text()), "said": result.output}


def infer(
    assets: Assets, out: Path, embed: str, refine: str | None = None, *, latent: str = "zplus", **more: object
) -> dict[str, Any]:
    """:func:`done` for ``scripts/infer.py``; further arguments by name."""
    return done(out, INFER, *inversion(assets, embed, refine), *options(**more), latent=latent)


def untouched(assets: Assets, script: str, words: list[str], out: Path) -> None:
    """The upstream without this package, on a CPU."""
    command = [*words, "--output_dir", str(out)]
    ran = run_script(assets, script, command, oracle_env(assets), timeout=600)
    assert ran.returncode == 0, ran.stderr[-4000:]


def off(assets: Assets, script: str, words: list[str], out: Path) -> None:
    """The same through this package, in a process of its own."""
    command = ["zplus_plugins", "run", "--latent", "off", script, *words, "--output_dir", str(out)]
    ran = run_script(assets, "-m", command, {"ZPLUS_TEST_SEED": "0"}, timeout=600)
    assert ran.returncode == 0, ran.stderr[-4000:]


def recorded(out: Path) -> dict[str, InversionRecord]:
    """The records beside the codes, by the images' names."""
    return {p.name.partition(".")[0]: InversionRecord.load(p) for p in sorted(Path(out, "code").glob("*.zplus.npz"))}


def mapped(assets: Assets, records: list[InversionRecord], folder: Path) -> list[torch.Tensor]:
    """Map recorded z by the repository's own mapping network, in a process without this package: (L, D) each."""
    torch.save([torch.from_numpy(record.z) for record in records], folder / "z.pt")
    code = (
        "import sys, torch; sys.path.insert(0, '.')\n"
        "from models.stylegan2.model import Generator\n"
        f"G = Generator({assets.resolution}, 512, 8).eval()\n"
        f"G.load_state_dict(torch.load({assets.generator!r})['g_ema'])\n"
        "with torch.no_grad():\n"
        f"    w = [G.style(z[0]) for z in torch.load({str(folder / 'z.pt')!r})]\n"
        f"torch.save(w, {str(folder / 'w.pt')!r})"
    )
    ran = run_script(assets, "-c", [code], oracle_env(assets), timeout=300)
    assert ran.returncode == 0, ran.stderr[-3000:]
    found: list[torch.Tensor] = torch.load(folder / "w.pt", weights_only=True)
    return found
