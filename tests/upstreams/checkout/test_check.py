"""``zplus check``, on forks of PTI: what fits, what fits with a warning, and what is refused before anything loads."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from support.places import STANDINS
from support.pti_assets import hyperparameters, merged, outputs, prepare, run_script
from support.pti_runs import checkout_of
from zplus_plugins.adapters import pti
from zplus_plugins.cli.main import main
from zplus_plugins.upstreams import Adapter, Reliance
from zplus_plugins.upstreams.checkout.checkout import head_commit
from zplus_plugins.upstreams.checkout.sources import fingerprint, read_place

STANDIN = STANDINS / "pti"
SCRIPT = "scripts/run_pti.py"
PROJECTOR = "training/projectors/w_plus_projector.py"
PROJECT = f"{PROJECTOR}:project"


def commit(root: Path, message: str) -> None:
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["add", "-A"], ["commit", "-q", "-m", message]):
        subprocess.run([*git, *command], check=True)


def fitted_to(adapter: Adapter, root: Path) -> Adapter:
    """The adapter, as if it had been tested on this very checkout."""
    relies_on = tuple(replace(r, fingerprint=fingerprint(read_place(root, r.where)[0])) for r in adapter.relies_on)
    return replace(adapter, relies_on=relies_on, tested_commits=(str(head_commit(root)),))


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def fork(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fork of PTI without a change so far; the current folder. The adapter was tested on its first commit."""
    root = tmp_path / "fork"
    if request.param == "upstream":
        shutil.copytree(Path(os.environ["ZPLUS_UPSTREAMS"]) / "PTI", root)
    else:
        shutil.copytree(STANDIN, root)
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        commit(root, "first")
        monkeypatch.setattr(pti, "ADAPTER", fitted_to(pti.ADAPTER, root))
    monkeypatch.chdir(root)
    return root


def change(root: Path, file: str, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, new, (root / file).read_text(), count=1)
    assert count == 1
    (root / file).write_text(text)
    commit(root, f"change {file}")


def zplus(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def states(result: Result) -> dict[str, list[str]]:
    """The table's rows: WHERE with NEEDED AS, by STATE."""
    table: dict[str, list[str]] = {}
    for line in result.output.partition("\n\n")[0].splitlines()[1:]:
        state, kind, where = line.split()[:3]
        table.setdefault(state, []).append(f"{kind} {where}")
    return table


def test_as_tested(fork: Path) -> None:
    result = zplus("check", SCRIPT)
    assert result.exit_code == 0, result.output
    assert result.output.endswith("\n\nfits as tested\n")
    table = states(result)
    assert set(table) == {"found"}
    for row in (
        f"commit {head_commit(fork)}",
        f"script {SCRIPT}",
        "marker configs/hyperparameters.py",
        f"source {PROJECT}",
        "generator training.projectors.w_plus_projector:project",
        "redirect training.projectors.w_projector:project",
        "settings configs.paths_config",
        "gate utils.models_utils:load_old_G",
        "writer torch:save",
    ):
        assert row in table["found"]


def test_changed_elsewhere(fork: Path) -> None:
    with (fork / "utils/log_utils.py").open("a") as file:
        file.write("\n\ndef of_the_fork():\n    pass\n")
    commit(fork, "something else")
    result = zplus("check", SCRIPT)
    assert result.exit_code == 0, result.output
    assert states(result)["changed"] == [f"commit {head_commit(fork)}"]
    assert "fits, with changes elsewhere (warning)" in result.output


def test_changed_inside_what_is_relied_on(fork: Path) -> None:
    change(fork, PROJECTOR, r"lr_rampup_length(: float)? ?= ?0\.05", r"lr_rampup_length\1=0.06")
    result = zplus("check", SCRIPT)
    assert result.exit_code == 0, result.output
    assert states(result)["changed"] == [f"commit {head_commit(fork)}", f"source {PROJECT}"]
    assert "compatible: its source differs" in result.output
    assert "fits, with 1 change (warning)" in result.output


def test_another_signature_is_refused_before_anything_loads(fork: Path) -> None:
    """No weights are there, and no setting names any: the signature is what stands in the way."""
    change(fork, PROJECTOR, r"w_name: str", "run_name: str")
    before, modules = sorted(fork.rglob("*")), set(sys.modules)
    result = zplus("check", SCRIPT)
    assert result.exit_code == 1, result.output
    assert "incompatible: lacks the parameter w_name; expected G, target" in result.output
    assert f"does not fit: the adapter 'pti' cannot work with {PROJECT}" in result.output
    for options in ((), ("--dry-run",), ("--latent", "off")):
        run = zplus("run", *options, SCRIPT)
        assert run.exit_code == 1
        assert f"{PROJECT}: lacks the parameter w_name" in run.output
        assert "Traceback" not in run.output
    assert sorted(fork.rglob("*")) == before
    assert not {name for name in set(sys.modules) - modules if name.split(".")[0] in ("configs", "training", "scripts")}


def test_what_is_missing_is_told_with_its_place(fork: Path) -> None:
    change(fork, "training/coaches/base_coach.py", r"def calc_inversions\(", "def find_inversions(")
    (fork / "configs" / "global_config.py").unlink()
    commit(fork, "remove a module")
    result = zplus("check", SCRIPT)
    assert result.exit_code == 1
    missing = ["source training/coaches/base_coach.py:BaseCoach.calc_inversions", "settings configs.global_config"]
    assert states(result)["missing"] == missing
    assert re.search(r"base_coach.py .*BaseCoach\.calc_inversions; expected .*image, image_name", result.output)
    assert "module configs.global_config" in result.output


def test_a_fork_that_is_not_recognised(fork: Path) -> None:
    (fork / "configs" / "hyperparameters.py").rename(fork / "configs" / "params.py")
    assert f"`zplus check --adapter NAME {SCRIPT}`" in zplus("run", SCRIPT).output
    result = zplus("check", "--adapter", "pti", SCRIPT)
    assert result.exit_code == 1
    assert states(result)["missing"] == ["marker configs/hyperparameters.py", "settings configs.hyperparameters"]


def test_usage_errors(fork: Path) -> None:
    for arguments, message in (
        (("absent.py",), "There is no script absent.py"),
        ((PROJECTOR,), "No adapter knows"),
        (("--adapter", "pti", PROJECTOR), "'pti' does not know"),
        (("--adapter", "ptj", SCRIPT), "Did you mean 'pti'?"),
    ):
        result = zplus("check", *arguments)
        assert result.exit_code == 2
        assert message in result.output
    assert zplus("check").exit_code == 2


def test_fingerprints_can_be_pasted(fork: Path) -> None:
    result = zplus("check", "--fingerprints", SCRIPT)
    assert result.exit_code == 0
    assert eval(f"({result.output})", {"Reliance": Reliance}) == pti.ADAPTER.relies_on
    (fork / PROJECTOR).write_text("")
    assert f'Reliance("{PROJECT}", "", takes=' in zplus("check", "--fingerprints", SCRIPT).output


def test_imports_nothing_of_the_upstream(fork: Path) -> None:
    for file in fork.rglob("*.py"):
        file.write_text("raise SystemExit('imported')\n" + file.read_text().replace("from __future__", "# "))
    modules = set(sys.modules)
    assert "fits" in zplus("check", SCRIPT).output
    assert not {name for name in set(sys.modules) - modules if not name.startswith("zplus_plugins")}


@pytest.mark.parametrize("kind", ["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def test_a_fork_that_differs_runs_with_a_warning(kind: str, tmp_path: Path) -> None:
    """The adapter as it is released: to it the stand-in is a fork whose relied-on functions were rewritten."""
    assets = prepare(tmp_path, checkout_of(kind), images=1)
    if kind == "upstream":
        subprocess.run(["git", "init", "-q", str(assets.root)], check=True)
        change(assets.root, PROJECTOR, "num_steps=1000", "num_steps=800")
    settings = merged(assets.settings, outputs(tmp_path / "out"), hyperparameters(first_inv_steps=3, max_pti_steps=1))
    given = [f"--set={module}.{name}={value}" for module, some in settings.items() for name, value in some.items()]
    command = ["zplus_plugins", "run", "--summary", str(tmp_path / "s.json"), *given, SCRIPT]
    environment = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = run_script(assets, "-m", command, environment, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"warning: {PROJECT}: its source differs" in done.stderr
    summary = json.loads((tmp_path / "s.json").read_text())
    assert (summary["fingerprint"], summary["steps"], summary["retractions"]) == ("compatible", 3, 3)
