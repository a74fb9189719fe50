"""Runs of BDInvert's scripts through our command line, and what they leave behind."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .bdinvert_assets import Assets, invert_args, run_script

TESTS = Path(__file__).resolve().parents[1]
DRIVER = Path(__file__).with_name("driver.py")
STEPS = 3


def checkout_of(kind: str) -> Path:
    """The folder of a checkout: the stand-in, the real upstream, or the authors' fork."""
    if kind == "standin":
        return TESTS / "standins" / "bdinvert"
    folder = Path(os.environ["ZPLUS_UPSTREAMS"])
    return folder / {"upstream": "BDInvert_Release", "fork": "hypershpere-gan-inversion/BDInvert_Release"}[kind]


def zplus(assets: Assets, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """``zplus arguments...`` in the repository's folder."""
    done = run_script(assets, "-m", ["zplus_plugins", *map(str, arguments)], {}, timeout=900)
    assert done.returncode == 0 or not check, done.stderr[-4000:]
    return done


def zplus_each(assets: Assets, commands: Sequence[Sequence[object]]) -> list[tuple[int, str]]:
    """``zplus COMMAND`` for each, in one process, which imports torch once; their statuses and what they said."""
    code = (
        "import json, sys\n"
        "from click.testing import CliRunner\n"
        "from zplus_plugins.cli.main import main\n"
        "done = [CliRunner().invoke(main, command) for command in json.loads(sys.argv[1])]\n"
        "print(json.dumps([(one.exit_code, one.output) for one in done]))"
    )
    texts = json.dumps([[str(part) for part in command] for command in commands])
    done = run_script(assets, "-c", [code, texts], {}, timeout=900)
    assert done.returncode == 0, done.stderr[-4000:]
    return [(status, said) for status, said in json.loads(done.stdout.splitlines()[-1])]


def drive(assets: Assets, tmp_path: Path, settings: dict[str, Any], *arguments: object, **env: str) -> None:
    """A run through ``support/driver.py``."""
    (tmp_path / "settings.json").write_text(json.dumps({"adapter": "bdinvert", **settings}))
    command = [str(tmp_path / "settings.json"), *map(str, arguments)]
    done = run_script(assets, str(DRIVER), command, env, timeout=1800)
    assert done.returncode == 0, done.stderr[-4000:]


def invert(assets: Assets, out: Path, *options: str, steps: int = STEPS, extra: Sequence[str] = ()) -> dict[str, Any]:
    """Invert through the command line; the summary."""
    summary = out.parent / f"{out.name}.json"
    arguments = [*invert_args(assets, steps), "--save_dir", out.parent, "--job_name", out.name, *extra]
    zplus(assets, "run", "--summary", summary, *options, "invert.py", *arguments)
    loaded: dict[str, Any] = json.loads(summary.read_text())
    return loaded


def edit(assets: Assets, results: Path, *options: str, extra: Sequence[object] = ()) -> Any:
    """Edit through the command line, three distances; the summary."""
    summary = results.parent / "edit.json"
    zplus(assets, *edit_command(assets, results, "--summary", str(summary), *options, extra=extra))
    return json.loads(summary.read_text())


def edit_command(assets: Assets, results: Path, *options: str, extra: Sequence[object] = ()) -> list[object]:
    """The arguments of ``zplus`` for that."""
    arguments = ["--model_name", assets.model_name, "--basecode_spatial_size", assets.base_size, "--step", 3, *extra]
    return ["run", *options, "edit.py", results, *arguments]


def same_at_zero(results: Path) -> None:
    """The middle of the three distances is 0: the picture must be the reconstruction."""
    for image in ("crop0", "crop1"):
        edited = (results / "edited" / f"{image}_2.png").read_bytes()
        assert edited == (results / "invert_results" / f"{image}.png").read_bytes()
