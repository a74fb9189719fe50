"""The command ``zplus studio`` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from support.studio_server import Browser


@dataclass
class Running:
    """The command, once its page can be opened.

    Attributes:
        process: it.
        document: what it printed.
        log: the file of its messages.
    """

    process: subprocess.Popen[str]
    document: dict[str, object]
    log: Path

    @property
    def browser(self) -> Browser:
        """One that has been let in."""
        address = urlsplit(str(self.document["url"]))
        assert address.port is not None
        return Browser(address.port, parse_qs(address.query)["token"][0])

    def memory(self) -> int:
        """Resident memory of the process, without that of its own processes, in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def running(folder: Path, *arguments: object) -> Iterator[Running]:
    """Start the command in a folder; it is killed at the end, if it is running still."""
    command = [sys.executable, "-m", "zplus_plugins", "studio", "--json", "--no-browser", *map(str, arguments)]
    environment = {"ZPLUS_CACHE_DIR": str(folder / "cache"), **os.environ, "OMP_NUM_THREADS": "1"}
    log = folder / "studio.log"
    with (
        log.open("a") as messages,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=messages, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, log.read_text()
            yield Running(process, json.loads(line), log)
        finally:
            if process.poll() is None:
                process.kill()
