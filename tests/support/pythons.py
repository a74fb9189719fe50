"""Python processes for tests: whole ones, or forks of one that has imported torch, which cost a third."""

from __future__ import annotations

import functools
import json
import os
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

TEMPLATE = Path(__file__).with_name("template.py")
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
        output, errors = Path(folder, "output"), Path(folder, "errors")
        for path in (output, errors):
            path.touch()
        order = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}
        status = _ordered({**order, "output": str(output), "errors": str(errors)}, timeout)
        said = (path.read_text(encoding="utf-8", errors="replace") for path in (output, errors))
        return subprocess.CompletedProcess([sys.executable, *arguments], status, *said)


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
            raise subprocess.TimeoutExpired(str(order["arguments"]), timeout)
    return int(template.stdout.readline())


@functools.cache
def _template() -> subprocess.Popen[str]:
    """It ends when this process does, which closes its input."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    return subprocess.Popen([sys.executable, str(TEMPLATE)], env=environment, **pipes)  # type: ignore[call-overload,no-any-return]
