"""A few kills of two commands; many, and of all: ``python tests/killing --help``."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from support.places import TESTS


@pytest.mark.kill
def test_nothing_is_lost_torn_or_left() -> None:
    command = [sys.executable, str(TESTS / "killing"), "invert", "edit", "--times", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("2 kills") == 2
