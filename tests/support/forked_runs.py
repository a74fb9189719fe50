"""``subprocess.run`` of Python programs as :func:`~support.pythons.run_python`, for the tests of written distributions.

``python -c "from support import forked_runs; forked_runs.run_pytest()"`` is pytest with such processes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .pythons import run_python


def run_pytest() -> None:
    """Be ``pytest`` without arguments."""
    import pytest

    subprocess.run = _run  # type: ignore[assignment]
    sys.exit(pytest.main(["-p", "no:cacheprovider"]))


def _run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], capture_output: bool, text: bool
) -> subprocess.CompletedProcess[str]:
    assert command[0] == sys.executable and capture_output and text
    return run_python(command[1:], cwd, env, timeout=100)
