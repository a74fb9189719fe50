"""The description is finished, and everything that it names is in a checkout of the upstream."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from zplus_new_name import ADAPTER

from zplus_plugins.upstreams import unfinished


def test_nothing_is_left_to_find_out() -> None:
    assert unfinished(ADAPTER) == {}


@pytest.mark.skipif("CHECKOUT" not in os.environ, reason="set CHECKOUT to the folder of a checkout of the upstream")
@pytest.mark.parametrize("script", [script.path for script in ADAPTER.scripts])
def test_it_fits_the_checkout(script: str) -> None:
    path = Path(os.environ["CHECKOUT"], script)
    command = [sys.executable, "-m", "zplus_plugins", "check", "--adapter", "new-name", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
