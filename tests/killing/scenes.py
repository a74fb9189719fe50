"""What is killed: commands of ours, forked from a process that has imported everything, and upstream scripts' runs."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from support import bdinvert_assets, bdinvert_runs, pti_assets, pti_runs
from support.commands import make_material

LOG = "output.txt"


class Running(Protocol):
    """A process that has been started."""

    def kill(self) -> None:
        """End it with SIGKILL, whatever it is doing, and wait until it is gone."""

    def wait(self) -> int:
        """Its exit status, once it has ended by itself."""


@dataclass(frozen=True)
class Scene:
    """A command in a folder.

    Attributes:
        prepare: fill a folder with its inputs.
        start: begin the command in such a folder.
        results: pattern of the files that must be there whole or not at all, relative to the folder.
        changing: pattern of those among them that differ from run to run, such as those with times.
    """

    prepare: Callable[[Path], None]
    start: Callable[[Path], Running]
    results: re.Pattern[str]
    changing: re.Pattern[str] = re.compile(r"(?!)")


class Forked:
    """``zplus ARGUMENTS`` in a folder, in a child of this process."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self._id = os.fork()
        if self._id == 0:
            _become(folder, arguments)

    def kill(self) -> None:
        """See :class:`Running`."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._id, signal.SIGKILL)
        os.waitpid(self._id, 0)

    def wait(self) -> int:
        """See :class:`Running`."""
        return os.waitstatus_to_exitcode(os.waitpid(self._id, 0)[1])


def _become(folder: Path, arguments: list[str]) -> None:
    """In the child: run the command, and end without any of the parent's clean-up."""
    status = 1
    try:
        os.chdir(folder)
        with (folder.parent / LOG).open("a") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        from zplus_plugins.cli.main import main

        main(arguments)
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 0
    finally:
        sys.stdout.flush()
        os._exit(status)


class Started:
    """A process of its own, with those that it starts.

    Args:
        command: of it.
        cwd: the folder that it is started in.
        log: what it prints goes there.
        environment: what is added to ours.
    """

    def __init__(self, command: list[str], cwd: Path, log: Path, environment: Mapping[str, str]) -> None:
        with log.open("a") as output:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **environment, "OMP_NUM_THREADS": "1"},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        """See :class:`Running`."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self) -> int:
        """See :class:`Running`."""
        return self._process.wait()


def _own(*arguments: object) -> Callable[[Path], Running]:
    return lambda folder: Forked(folder, list(map(str, arguments)))


_GENERATOR = ("--generator", "generator.pt")
_WAY = ("--direction", "found_generator/ganspace-00.zplus.npz", "--strength", "-3:3:11")
_RECORDS = ("inverted/anna.zplus.npz", "inverted/bert.zplus.npz")
_COMPARE = ("--without-lpips", "--spaces", "zplus,w,f/zplus", "--workers", 1)
OWN = {
    "invert": Scene(
        make_material,
        _own("invert", "faces", *_GENERATOR, "--steps", 40, "--likeness", "none", "--out", "faces"),
        re.compile(r"faces/.*\.zplus\.(npz|png)"),
    ),
    "edit": Scene(
        make_material,
        _own("edit", "inverted/anna.zplus.npz", *_GENERATOR, *_WAY, "--out", "out"),
        re.compile(r"out/.*\.zplus\.(npz|png)"),
    ),
    "interpolate": Scene(
        make_material,
        _own("interpolate", *_RECORDS, *_GENERATOR, "--frames", 61, "--out", "out"),
        re.compile(r"out/.*\.zplus\.png"),
    ),
    "walk": Scene(
        make_material,
        _own("walk", _RECORDS[0], *_GENERATOR, "--frames", 61, "--out", "out"),
        re.compile(r"out/.*\.zplus\.png"),
    ),
    "directions": Scene(
        make_material,
        _own("directions", *_GENERATOR, "--components", 4, "--out", "out"),
        re.compile(r"out/.*\.zplus\.(npz|png)"),
    ),
    "compare": Scene(
        make_material,
        _own("compare", "faces", *_GENERATOR, "--steps", 10, *_COMPARE, "--out", "out"),
        re.compile(r"out/(parts/)?[^.].*\.(npz|json|csv|html)"),
        changing=re.compile(r"out/(results\.json|report\.html|parts/.*)"),  # they tell how long it took
    ),
    "demo": Scene(
        lambda folder: None,
        _own("demo", "--steps", 2, "--out", "out"),
        re.compile(r"out/[^.].*\.(npz|png|json)"),
        changing=re.compile(r"out/summary\.json"),
    ),
}


def bdinvert(kind: str, where: Path) -> Scene:
    """BDInvert's invert.py in F/Z+, on the stand-in or the real upstream, whose checkout is prepared in a folder."""
    assets = bdinvert_assets.prepare(where, bdinvert_runs.checkout_of(kind))

    def start(folder: Path) -> Running:
        command = [sys.executable, "-m", "zplus_plugins", "run", "invert.py", *bdinvert_assets.invert_args(assets, 3)]
        results = ["--save_dir", str(folder / "out"), "--job_name", "job"]
        return Started([*command, *results], assets.cwd, folder.parent / LOG, assets.env)

    return Scene(lambda folder: None, start, re.compile(r"out/job/(invert|target)_[a-z]+/[^.].*"))


def pti(kind: str, where: Path) -> Scene:
    """PTI's run_pti.py in Z+, likewise."""
    assets = pti_assets.prepare(where, pti_runs.checkout_of(kind))

    def start(folder: Path) -> Running:
        command = [sys.executable, "-m", "zplus_plugins", "run", *pti_runs.given(assets, folder / "out")]
        environment = {**assets.env, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        return Started([*command, *pti_runs.CALL], assets.cwd, folder.parent / LOG, environment)

    # Resumed runs of it are compared byte by byte in tests/upstreams/adapters/test_shards.py.
    return Scene(lambda folder: None, start, re.compile(r"out/.*\.(pt|npz)"), changing=re.compile(r"out/.*"))
