"""What an inversion does not import, because it would take longer than many a step.

The search for the z of the mean image, once for each generator, is not part of it.
"""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys

import torch

from zplus_plugins.inversion import SPACES, Settings, invert
from zplus_plugins.inversion.domain import open_domain

domain = open_domain()
invert(domain.model, SPACES["f/wplus"], torch.zeros(1, 3, 64, 64), Settings(steps=1), likeness=domain.likeness)
print("torch._dynamo" in sys.modules)
"""


def test_no_compiler_is_imported() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
