"""Python processes for tests: whole ones, or forks of one that has imported torch, which cost a third.

Those that run this package, by its command line or by driver.py, are forks of one that has imported it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).with_name("template.py")
DRIVER = Path(__file__).with_name("driver.py")
WHOLE = "ZPLUS_UPSTREAMS" in os.environ  # what real checkouts do is seen as their users see it


def run_python(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """``python ARGUMENTS``, with what it prints captured.

    Args:
        arguments: of Python: a script, ``-m`` and a module, or ``-c`` and code, and the arguments of that.
        cwd: the folder to be in.
        env: the whole environment. ``OMP_NUM_THREADS`` must be 1: it was when torch was imported.
        timeout: in seconds.

    Raises:
        subprocess.TimeoutExpired: after that time; the process is gone.
    """
    assert env["OMP_NUM_THREADS"] == "1"
    if WHOLE:
        settings = {"capture_output": True, "encoding": "utf-8", "errors": "replace", "timeout": timeout}
        return subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, **settings)  # type: ignore[call-overload,no-any-return]
    with tempfile.TemporaryDirectory(prefix="said-") as folder:
        status = _ordered(_order(arguments, cwd, env, Path(folder)), timeout)
        return subprocess.CompletedProcess([sys.executable, *arguments], status, *_said(Path(folder)))


class BegunPython:
    """``python ARGUMENTS`` that goes on by itself, in a session of its own, until it is interrupted.

    Args:
        arguments, cwd, env: as of :func:`run_python`.
        folder: an empty one, for what it prints.

    Attributes:
        process: its id, and that of its group.
        errors: what it has printed on its standard error, after :meth:`interrupt`.
    """

    def __init__(self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], folder: Path) -> None:
        assert env["OMP_NUM_THREADS"] == "1"
        self.errors = ""
        self._folder = folder
        order = _order(arguments, cwd, env, folder)
        self._zplus = order["zplus"]
        self._whole: subprocess.Popen[bytes] | None = None
        if WHOLE:
            with Path(order["output"]).open("wb") as output, Path(order["errors"]).open("wb") as errors:
                self._whole = subprocess.Popen(
                    [sys.executable, *arguments],
                    cwd=cwd,
                    env=env,
                    stdout=output,
                    stderr=errors,
                    start_new_session=True,
                    # A test runner started in the background ignores Ctrl-C, and so would its children.
                    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                )
            self.process = self._whole.pid
        else:
            self.process = _ordered({**order, "wait": False}, 60)

    def interrupt(self, begun: Path | str, after: float = 0.0, *, all_processes: bool = False) -> int:
        """Press Ctrl-C some seconds after a file exists or a text is printed on standard error, or at once if the
        process is over; its status."""
        deadline = time.monotonic() + 600  # of a busy machine
        while not self._has(begun) and time.monotonic() < deadline and self._goes_on():
            time.sleep(0.02)
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if all_processes else os.kill)(self.process, signal.SIGINT)
        try:
            order = {"begun": self.process, "zplus": self._zplus}
            status = self._whole.wait(120) if self._whole else _ordered(order, 120)
        except subprocess.TimeoutExpired:
            os.killpg(self.process, signal.SIGKILL)
            raise
        self.errors = _said(self._folder)[1]
        return status

    def _has(self, begun: Path | str) -> bool:
        return begun.exists() if isinstance(begun, Path) else begun in _said(self._folder)[1]

    def _goes_on(self) -> bool:
        if self._whole:
            return self._whole.poll() is None
        stat = Path(f"/proc/{self.process}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def _order(arguments: Sequence[str], cwd: Path, env: Mapping[str, str], folder: Path) -> dict[str, Any]:
    places = {name: str(folder / name) for name in ("output", "errors")}
    for place in places.values():
        Path(place).touch()
    zplus = list(arguments[:2]) == ["-m", "zplus_plugins"] or arguments[0] == str(DRIVER)
    return {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env), **places, "zplus": zplus}


def _said(folder: Path) -> tuple[str, str]:
    output, errors = ((folder / name).read_text(encoding="utf-8", errors="replace") for name in ("output", "errors"))
    return output, errors


def _ordered(order: Mapping[str, object], timeout: float) -> int:
    template = _template()
    assert template.stdin is not None
    assert template.stdout is not None
    template.stdin.write(json.dumps(order) + "\n")
    template.stdin.flush()
    with selectors.DefaultSelector() as answers:
        answers.register(template.stdout, selectors.EVENT_READ)
        if not answers.select(timeout):
            os.killpg(template.pid, 9)
            _template.cache_clear()
            raise subprocess.TimeoutExpired(str(order.get("arguments")), timeout)
    return int(template.stdout.readline())


@functools.cache
def _template() -> subprocess.Popen[str]:
    """It ends when this process does, which closes its input."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    return subprocess.Popen([sys.executable, str(TEMPLATE)], env=environment, **pipes)  # type: ignore[call-overload,no-any-return]
