"""Small scripts for one question each, in a folder of their own, run as ``zplus run`` runs any."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from torch import nn

from support.logging_state import given_back
from zplus_plugins import mapping_of
from zplus_plugins.cli.main import main
from zplus_plugins.records.inversion import InversionRecord
from zplus_plugins.upstreams import Adapter, InstanceOf, Script, Writer
from zplus_plugins.upstreams.checkout import plugins

LAYERS, DIM = 3, 8
GENERATOR = """\
import torch
from torch import nn
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        stream = torch.Generator().manual_seed(0)
        self.style, self.n_latent, self.style_dim = nn.Sequential(nn.Linear(8, 8), nn.LeakyReLU(0.2)), 3, 8
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=stream)
        self.requires_grad_(False)
def optimise(w, steps=4):
    w.requires_grad_(True)
    optimizer = torch.optim.Adam([w], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        (w - 1).square().sum().backward()
        optimizer.step()
    return w.detach()
"""
NUMPY = Writer("numpy:save", suffix=".npy")
KEYWORDS = Writer("numpy:savez", suffix=".npz", content=None)
TORCH = Writer("torch:save", path=1, content=0)
HEAD = """
import argparse, os, sys
argparse.ArgumentParser().parse_args()
import numpy as np, torch
from toy_generator import Generator, optimise
"""
SAVED = HEAD + "generator = Generator()\nw = optimise(torch.zeros(1, 3, 8))\n"


class Toys:
    """A folder with ``toy_generator.py``, to which scripts are added.

    Args:
        folder: the current one.
        monkeypatch: registers the adapter, in place of all that are installed.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        (folder / "toy_generator.py").write_text(GENERATOR)

    def run(self, script: str, *arguments: str, options: tuple[str, ...] = (), **described: Any) -> Result:
        """Run ``invert.py`` with this source under an adapter with these fields."""
        (self.folder / "invert.py").write_text(textwrap.dedent(script))
        of_script = {
            name: described.pop(name)
            for name in ("role", "gate", "needs", "zplus_defaults", "latent", "loop")
            if name in described
        }
        if "own_estimates" in described:
            of_script["estimates"] = described.pop("own_estimates")
        adapter = Adapter(
            **{
                "name": "toy",
                "summary": "",
                "upstream": "",
                "scripts": (Script("invert.py", **{"role": "invert", **of_script}),),
                "generator": (InstanceOf("toy_generator:Generator"),),
                "codes": "*.npy",
                "writers": (NUMPY, KEYWORDS, TORCH),
                **described,
            }
        )
        found = [plugins.Plugin("toy", "toy 1.0", adapter, plugin=adapter)]
        self._monkeypatch.setattr(plugins, "_in_turn", lambda: iter(found))
        return CliRunner().invoke(main, ["run", *options, "invert.py", *arguments])


@contextmanager
def toys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    """:class:`Toys` in the current folder; what their scripts import and say of logging is forgotten afterwards."""
    monkeypatch.chdir(folder)
    try:
        with given_back():
            yield Toys(folder, monkeypatch)
    finally:
        for name in [name for name in sys.modules if name.startswith("toy_")]:
            del sys.modules[name]


def records(toy: Toys) -> dict[str, InversionRecord]:
    """The records in the folder, by name."""
    return {path.name: InversionRecord.load(path) for path in sorted(toy.folder.glob("*.zplus.npz"))}


def generator() -> nn.Module:
    """The generator of the scripts."""
    names: dict[str, Any] = {}
    exec(GENERATOR, names)
    made: nn.Module = names["Generator"]()
    return made


def require_mapped(record: InversionRecord) -> None:
    """z lies on the hypersphere, and the generator maps it to the recorded w, alone as in the batch that it is from."""
    z = torch.from_numpy(record.z)
    assert torch.allclose(z.norm(dim=-1), torch.tensor(8**0.5), atol=1e-5)
    assert record.w is not None
    torch.testing.assert_close(mapping_of(generator())(z), torch.from_numpy(record.w), rtol=1e-6, atol=1e-6)
