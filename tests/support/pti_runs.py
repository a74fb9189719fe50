"""Runs of PTI's scripts through our command line, and what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from zplus_plugins.cli.main import main

from .pti_assets import Assets, Settings, merged, outputs, run_script

TESTS = Path(__file__).resolve().parents[1]
DRIVER = Path(__file__).with_name("driver.py")
STEPS = 5
RUN_PTI = "scripts/run_pti.py"
# Both write the same names: by itself the script asks for a random one.
CALL = ("--call", "run_PTI(run_name='run')", RUN_PTI)
# At 64 px only this projector works.
W_PLUS: Settings = {"training.coaches.base_coach": {"w_projector": "import:training.projectors.w_plus_projector"}}


def checkout_of(kind: str) -> Path:
    """The folder of a checkout: the stand-in, or the real upstream."""
    return TESTS / "standins" / "pti" if kind == "standin" else Path(os.environ["ZPLUS_UPSTREAMS"]) / "PTI"


def given(assets: Assets, out: Path, **hyperparameters: object) -> list[str]:
    """``--set`` for every setting of a run whose results go to ``out``."""
    settings = merged(assets.settings, outputs(out), {"configs.hyperparameters": hyperparameters})
    return [f"--set={module}.{name}={value}" for module, some in settings.items() for name, value in some.items()]


def varied(words: list[str]) -> list[str]:
    """The words of a command without the settings that a later ``--set`` changes, so that tests can vary a run."""
    joined = "\n".join(words).replace("--set\n", "--set=").split("\n")
    last = {word.split("=")[1]: i for i, word in enumerate(joined) if word.startswith("--set=")}
    return [word for i, word in enumerate(joined) if not word.startswith("--set=") or last[word.split("=")[1]] == i]


def bare(assets: Assets) -> Assets:
    """Without the oracle's help: the settings and the patches of the package are what is tested."""
    environment = {name: value for name, value in assets.env.items() if name != "PYTHONPATH"}
    environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    return Assets(**{**vars(assets), "env": environment})


def zplus(
    assets: Assets, out: Path, *arguments: str, check: bool = True, **hyperparameters: object
) -> subprocess.CompletedProcess[str]:
    """``zplus run --set ... arguments``: every setting goes through our own command line."""
    command = ["zplus_plugins", "run", "--summary", f"{out}.json", *given(assets, out, **hyperparameters), *arguments]
    done = run_script(bare(assets), "-m", command, {}, timeout=900)
    assert done.returncode == 0 or not check, done.stderr[-4000:]
    return done


def drive(assets: Assets, tmp_path: Path, settings: dict[str, Any], *arguments: str, env: dict[str, str]) -> None:
    """A run through ``support/driver.py``, with the oracle's help; its results go to ``tmp_path / "out"``."""
    (tmp_path / "settings.json").write_text(json.dumps({"adapter": "pti", **settings}))
    command = [str(tmp_path / "settings.json"), *arguments]
    done = run_script(
        assets, str(DRIVER), command, env, timeout=1800, settings=merged(outputs(tmp_path / "out"), W_PLUS)
    )
    assert done.returncode == 0, done.stderr[-4000:]


def summary(out: Path) -> dict[str, Any]:
    """What a run says that it did."""
    loaded: dict[str, Any] = json.loads(Path(f"{out}.json").read_text())
    return loaded


def run_here(assets: Assets, out: Path, *arguments: str, **hyperparameters: object) -> Any:
    """``zplus run`` in this process, which is faster."""
    return CliRunner().invoke(main, ["run", *varied([*given(assets, out, **hyperparameters), *arguments])])
