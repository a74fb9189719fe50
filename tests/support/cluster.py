"""A cluster of dask on this machine: processes of their own, as they are started by hand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from distributed import Client

from support.places import TESTS

WAIT = 60  # seconds, of a machine that is busy
QUIET = {  # as docs/cluster.md has it: dask's own timers take 5 % of each worker's core, and 3 % for its nanny
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
}
FORKED = {"DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "forkserver"}
"""Workers have dask's modules at once, those that take a dead one's place above all."""


_COMMON = ("--host", "127.0.0.1", "--no-dashboard")


@dataclass(frozen=True)
class Cluster:
    """A scheduler, the leader of a group of processes, and the file with its address."""

    file: Path
    scheduler: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])


@contextmanager
def cluster(folder: Path, workers: int = 2, *options: str) -> Iterator[Cluster]:
    """Start one, whose scheduler file is in a folder, and wait for its workers."""
    file = folder / "scheduler.json"
    scheduler = _start(folder, "scheduler", *_COMMON, "--port", "0", "--scheduler-file", str(file))
    try:
        _await(file.exists)
        ours = Cluster(file, scheduler)
        with joined(ours, folder, workers, *options):
            yield ours
    finally:
        end(scheduler)


@contextmanager
def joined(ours: Cluster, folder: Path, workers: int, *options: str) -> Iterator[None]:
    """Let so many workers join a cluster, and wait for them."""
    if not workers:
        yield
        return
    own = ("--nthreads", "1", "--nworkers", str(workers), "--local-directory", str(folder))
    process = _start(folder, "worker", *_COMMON, *own, *options, ours.address)
    try:
        with Client(ours.address) as client:
            client.wait_for_workers(workers, timeout=WAIT)
        yield
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _start(folder: Path, kind: str, *options: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    with (folder / f"{kind}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", kind, *options],
            cwd=folder,
            env={**QUIET, **FORKED, **os.environ, "PYTHONPATH": path},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
