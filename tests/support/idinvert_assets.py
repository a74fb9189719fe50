"""Synthetic assets with which IDInvert's unmodified scripts run on a CPU, and runs of them.

They fit the original repository and ``tests/standins/idinvert`` alike.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .pythons import run_python

MODEL = "styleganinv_synthetic32"  # of idinvert_site
HERE = Path(__file__).resolve().parent
DRIVER = HERE / "driver.py"
STEPS = 4


@dataclass(frozen=True)
class Assets:
    """A copy of the repository, ready to run in.

    Attributes:
        root: the copy of the checkout.
        images: how many pictures ``synthetic/`` holds, crop0.png and so on; all.list names them.
        env: environment variables that every process needs.
    """

    root: Path
    images: int
    env: dict[str, str]

    @property
    def weights(self) -> Path:
        """The folder of the networks' weights."""
        return self.root / "models" / "pretrain"

    def inverting(self, out: object, *arguments: object) -> list[str]:
        """Arguments of invert.py."""
        return [MODEL, "synthetic/all.list", "-o", str(out), *_short(), *map(str, arguments)]

    def diffusing(self, out: object, *arguments: object) -> list[str]:
        """Arguments of diffuse.py: the first picture into all, two at a time."""
        lists = ["synthetic/first.list", "synthetic/all.list"]
        crop = ["-s", "16", "-x", "16", "-y", "16", "--batch_size", "2"]
        return [MODEL, *lists, "-o", str(out), *_short(), *crop, *map(str, arguments)]


@dataclass(frozen=True)
class Case:
    """A command that is to be refused.

    Attributes:
        command: of ``zplus``.
        status: its exit status.
        says: what the one message contains.
        file: in the repository, that is another one meanwhile; none if empty.
        content: the file whose content it has then; without one, it is not there.
    """

    command: Sequence[object]
    status: int
    says: tuple[str, ...]
    file: str = ""
    content: str | None = None


def _short() -> list[str]:
    return ["--num_iterations", str(STEPS), "--num_results", "2", "--viz_size", "0"]


def checkout_of(kind: str) -> Path:
    """The folder of a checkout: the stand-in or the real upstream."""
    if kind == "standin":
        return HERE.parent / "standins" / "idinvert"
    return Path(os.environ["ZPLUS_UPSTREAMS"]) / "idinvert_pytorch"


def prepare(workdir: Path, checkout: Path, images: int = 2, seed: int = 0) -> Assets:
    """Copy a checkout, which is only read, into a new folder and put synthetic assets into it.

    Raises:
        RuntimeError: the assets could not be built.
    """
    root, site = workdir.resolve() / "repository", workdir.resolve() / "site"
    shutil.copytree(checkout, root, ignore=shutil.ignore_patterns(".git", "__pycache__", "*.jpg", "examples", "docs"))
    site.mkdir()
    shutil.copyfile(HERE / "idinvert_site.py", site / "sitecustomize.py")
    shutil.copyfile(HERE / "bdinvert_site.py", site / "bdinvert_site.py")
    search = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {"PYTHONPATH": os.pathsep.join(search), "PYTHONDONTWRITEBYTECODE": "1"}
    assets = Assets(root, images, env)
    done = run(assets, HERE / "idinvert_build.py", root, images, seed)
    if done.returncode:
        raise RuntimeError(f"The synthetic assets could not be built:\n{done.stderr[-4000:]}")
    names = [f"synthetic/crop{number}.png\n" for number in range(images)]
    (root / "synthetic" / "all.list").write_text("".join(names))
    (root / "synthetic" / "first.list").write_text(names[0])
    return assets


def run(
    assets: Assets, script: object, *arguments: object, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script of the repository as its users do, in its folder, and capture what it prints.

    It gets one thread: floating-point sums depend on the number of threads, and tests compare bytes.
    """
    environment = {**os.environ, **assets.env, **(env or {}), "OMP_NUM_THREADS": "1"}
    return run_python([str(script), *map(str, arguments)], assets.root, environment, 900)


def untouched(assets: Assets, script: str, *arguments: object) -> None:
    """Run the script without this package."""
    done = run(assets, script, *arguments, env={"ZPLUS_TEST_TOSTRING": "1"})
    assert done.returncode == 0, done.stderr[-4000:]


def zplus(assets: Assets, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """``zplus arguments...`` in the repository's folder."""
    done = run(assets, "-m", "zplus_plugins", *arguments)
    assert done.returncode == 0 or not check, done.stderr[-4000:]
    return done


def summary(assets: Assets, tmp_path: Path, *arguments: object) -> dict[str, Any]:
    """``zplus run arguments...``, and its summary."""
    zplus(assets, "run", "--summary", tmp_path / "summary.json", *arguments)
    loaded: dict[str, Any] = json.loads((tmp_path / "summary.json").read_text())
    return loaded


def drive(assets: Assets, tmp_path: Path, settings: dict[str, Any], *arguments: object) -> None:
    """A run through ``support/driver.py``."""
    (tmp_path / "settings.json").write_text(json.dumps({"adapter": "idinvert", **settings}))
    done = run(assets, DRIVER, tmp_path / "settings.json", *arguments)
    assert done.returncode == 0, done.stderr[-4000:]


def refusals(assets: Assets, cases: Sequence[Case]) -> list[tuple[int, str]]:
    """``zplus COMMAND`` for each case, in one process, which imports torch once; their statuses and what they said."""
    code = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from click.testing import CliRunner\n"
        "from zplus_plugins.cli.main import main\n"
        "def done(file, content, command):\n"
        "    path = Path(file)\n"
        "    before = path.read_bytes() if path.is_file() else None\n"
        "    if file and content is None: path.unlink()\n"
        "    elif file: path.write_bytes(Path(content).read_bytes())\n"
        "    one = CliRunner().invoke(main, command)\n"
        "    if before is not None: path.write_bytes(before)\n"
        "    elif file: path.unlink()\n"
        "    return one.exit_code, one.output\n"
        "print(json.dumps([done(*case) for case in json.loads(sys.argv[1])]))"
    )
    given = [[case.file, case.content, list(map(str, case.command))] for case in cases]
    ended = run(assets, "-c", code, json.dumps(given))
    assert ended.returncode == 0, ended.stderr[-4000:]
    return [(status, said) for status, said in json.loads(ended.stdout.splitlines()[-1])]
