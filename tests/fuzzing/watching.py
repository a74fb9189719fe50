"""What a process does while a file is read: what it runs, and the memory that it takes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_EVENTS = (
    *(
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.kill",
        "pty.spawn",
    ),
    *(
        "subprocess.Popen",
        "socket.",
        "exec",
        "code.__new__",
        "function.__new__",
        "marshal.",
        "pickle.find_class",
    ),
    *("ctypes.dlopen", "ctypes.call_function", "ctypes.string_at", "os.remove", "os.rename", "os.mkdir", "os.rmdir"),
    *(
        "os.chmod",
        "os.chdir",
        "os.putenv",
        "os.link",
        "os.symlink",
        "os.truncate",
        "shutil.",
        "webbrowser.open",
        "urllib.",
    ),
    *("builtins.breakpoint", "builtins.input", "import", "sys.addaudithook", "sys.settrace", "sys.setprofile"),
)
"""Beginnings of the names of audit events that no reading of a file may raise; and writing to a file."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OWN = "fuzzing."


class Auditor:
    """Notes the forbidden events of this process while it listens; Python never forgets a hook."""

    def __init__(self) -> None:
        self._listening = False
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        """The events that are seen meanwhile, described."""
        self.seen = []
        self._listening = True
        try:
            yield self.seen
        finally:
            self._listening = False

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._listening:
            return
        if event == "open":
            if isinstance(arguments[2], int) and arguments[2] & _WRITING:
                self._note(f"writes to {arguments[0]!r}")
        elif event == "import":
            self._note(f"imports {arguments[0]}")
        elif event.startswith(_EVENTS):
            self._note(event)

    def _note(self, what: str) -> None:
        self.seen.append(what[:200])


class Memory:
    """The most memory that this process takes, of which Linux keeps account.

    Attributes:
        available: whether it does; elsewhere nothing is measured.
    """

    _status = Path("/proc/self/status")
    _reset = Path("/proc/self/clear_refs")

    def __init__(self) -> None:
        self.available = self._reset.exists()
        self._before = 0

    def start(self) -> None:
        """Forget the peak, and take what is in use from now on for granted."""
        if self.available:
            self._reset.write_text("5")
            self._before = self._read("VmRSS")

    def growth(self) -> int:
        """Bytes by which the peak since :meth:`start` was higher than what was in use."""
        return self._read("VmHWM") - self._before if self.available else 0

    def _read(self, name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+) kB", self._status.read_text())
        return 1024 * int(found[1]) if found else 0
