"""Other processes, and what they leave in a folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
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
