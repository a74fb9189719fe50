"""Other processes, and what they leave in a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


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
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **env, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=group,
        # A test runner started in the background ignores Ctrl-C, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 600  # of a busy machine
    while not begun.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    time.sleep(pause)
    if group:
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130, errors[-3000:]
    assert "zplus: interrupted" in errors
    return errors
