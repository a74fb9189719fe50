"""What an inversion does not import, because it would take longer than many a step."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys

import torch

import zplus_plugins.inversion.batches
from zplus_plugins import SphericalLatent, chase, mapping_of
from zplus_plugins.inversion import SPACES, Settings, invert
from zplus_plugins.inversion.domain import open_domain

domain = open_domain()
invert(domain.model, SPACES["f/wplus"], torch.zeros(1, 3, 64, 64), Settings(steps=1), likeness=domain.likeness)
mapping = mapping_of(domain.model.generator)
z = SphericalLatent.random(1, 1, mapping.z_dim)
chase(mapping, z, mapping(z).detach(), steps=1)
print({"torch._dynamo", "scipy"} & set(sys.modules))
"""


def test_neither_a_compiler_nor_scipy_is_imported() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
