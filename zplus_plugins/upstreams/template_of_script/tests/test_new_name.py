"""Everything that the description names is in a checkout of the upstream, whose folder is in the variable CHECKOUT."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif("CHECKOUT" not in os.environ, reason="CHECKOUT does not name a checkout of the upstream")
def test_the_description_fits_the_checkout() -> None:
    script = Path(os.environ["CHECKOUT"], "SCRIPT")
    command = [sys.executable, "-m", "zplus_plugins", "check", "--adapter", "new-name", str(script)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
