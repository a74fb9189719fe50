"""Other processes, and what they leave in a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.pythons import BegunPython


def names(folder: Path) -> set[str]:
    """Of what lies in a folder."""
    return {path.name for path in folder.iterdir()}


@contextmanager
def process(code: str, where: Path, sent: signal.Signals = signal.SIGKILL) -> Iterator[None]:
    """Another process that has run some code, waits, and is ended in the end."""
    start = f"import time; from pathlib import Path; where = {str(where)!r}; {code}; print('ready', flush=True)"
    command = [sys.executable, "-c", f"{start}; time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            running.send_signal(sent)


def interrupted(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], begun: Path, pause: float = 0, group: bool = False
) -> str:
    """Run ``python ARGUMENTS``, press Ctrl-C once a file exists, and require that zplus says so and ends.

    Args:
        arguments: of Python, such as ``-m zplus_plugins run ...``.
        cwd: the folder to be in.
        env: variables beside those of this process; it gets one thread.
        begun: the file.
        pause: how long to wait after that, in seconds.
        group: whether its child processes get Ctrl-C, too, as they do in a terminal.

    Returns:
        What it wrote to its standard error.
    """
    environment = {**os.environ, **env, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory(prefix="said-") as folder:
        run = BegunPython(arguments, cwd, environment, Path(folder))
        status = run.interrupt(begun, pause, all_processes=group)
    assert status == 130, run.errors[-3000:]
    assert "zplus: interrupted" in run.errors
    return run.errors
