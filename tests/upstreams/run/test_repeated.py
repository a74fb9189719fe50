"""Scripts that optimise one style code and repeat it over the layers themselves: Z+ takes its place there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from support.toy_scripts import Toys, toys
from zplus_plugins import SphericalLatent, attach, mapping_of
from zplus_plugins.errors import SwapError
from zplus_plugins.hypersphere.starts import STARTS
from zplus_plugins.hypersphere.swap.layers import LayeredSwap
from zplus_plugins.records.inversion import InversionRecord
from zplus_plugins.upstreams import ArgumentOf, Repeated

STEPS = 12
# A generator whose layers differ in what they make of their code, and a script in the shape of NVlabs' projector.
SCRIPT = """
import argparse, copy
parser = argparse.ArgumentParser()
parser.add_argument("--noise", type=float, default=0)
parser.add_argument("--shape", default="1,1,8")
parser.add_argument("--clear", default="all")
parser.add_argument("--loss", default="picture")
args = parser.parse_args()
import numpy as np, torch
from toy_generator import Generator

class Synthesis(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.linspace(-1, 1, 24).reshape(3, 8))
        self.register_buffer("noise_const", torch.ones(4))
    def forward(self, ws, scale=1.0):
        return ((ws * self.weight).tanh().sum((1, 2)) + self.noise_const.sum()) * scale

def project(G, steps):
    G = copy.deepcopy(G)
    w = torch.zeros([int(size) for size in args.shape.split(",")], requires_grad=True)
    noise = G.synthesis.noise_const
    optimizer = torch.optim.Adam([w, noise], lr=0.1)
    noise.requires_grad = True
    found = torch.zeros(steps, *w.shape[-2:]) if w.ndim == 3 else torch.zeros(steps, 1, 8)
    torch.manual_seed(1)
    for step in range(steps):
        added = torch.randn(1, 1, 8) * args.noise
        ws = (w.reshape(-1, 1, 8) + added).repeat(1, 3, 1)
        loss = w.square().sum() if args.loss == "code" else (G.synthesis(ws=ws) - 9).square().sum()
        if args.clear == "all": optimizer.zero_grad()
        elif w.grad is not None: w.grad = noise.grad = None
        loss.backward()
        optimizer.step()
        found[step] = w.detach().reshape(-1, 1, 8)[0]
    return {"codes": found.repeat(1, 3, 1), "steps": steps}

G = Generator()
G.synthesis = Synthesis()
codes = project(G, 12)["codes"]
np.save("frames.out.npy", np.stack([G.synthesis(w[None]).detach().numpy() for w in codes]))
np.savez("a.npz", w=codes[-1:].numpy())
np.save("steps.out.npy", codes.numpy())
"""
DECLARED: dict[str, Any] = {
    "generator": (ArgumentOf("invert:project", "G"),),
    "repeated": Repeated(synthesis="synthesis", returned="invert:project", pick="codes"),
    "codes": "a.npz",
    "code_item": "w",
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    with toys(tmp_path, monkeypatch) as made:
        yield made


def generator(toy: Toys) -> Any:
    names: dict[str, Any] = {}
    exec((toy.folder / "toy_generator.py").read_text(), names)
    return names["Generator"]()


def picture(ws: Tensor, noise: Tensor) -> Tensor:
    weight = torch.linspace(-1, 1, 24).reshape(3, 8)
    return (ws * weight).tanh().sum((1, 2)) + noise.sum()


def direct(toy: Toys, start: Tensor, noise: float) -> list[Tensor]:
    """The codes map(z) of every step, where z itself is given to the optimizer."""
    mapping, z, fixed = mapping_of(generator(toy)), SphericalLatent(start), torch.ones(4, requires_grad=True)
    optimizer = torch.optim.Adam([z, fixed], lr=0.1)
    attach(optimizer, z)
    torch.manual_seed(1)
    found = []
    for _ in range(STEPS):
        added = torch.randn(1, 1, 8) * noise
        optimizer.zero_grad()
        (picture(mapping(z) + added, fixed) - 9).square().sum().backward()
        optimizer.step()
        found.append(mapping(z).detach()[0])
    return found


def start(toy: Toys) -> Tensor:
    """The z at which runs start."""
    found: Tensor = STARTS["random"](mapping_of(generator(toy)), 3, 0, torch.zeros(1, 3, 8)).detach()
    return found


@pytest.mark.parametrize("arguments", [[], ["--shape", "1,8"], ["--clear", "hand"], ["--noise", "0.3"]])
def test_every_step_is_that_of_z_itself(toy: Toys, arguments: list[str]) -> None:
    done = toy.run(SCRIPT, *arguments, **DECLARED)
    assert done.exit_code == 0, done.output
    assert f"1 image, {STEPS} steps, {STEPS} retractions" in done.output
    steps = torch.from_numpy(np.load(toy.folder / "steps.out.npy"))
    expected = direct(toy, start(toy), 0.3 if "--noise" in arguments else 0)
    if "--noise" in arguments:  # which is added to layer 0's code, and taken off it again for the others
        torch.testing.assert_close(steps, torch.stack(expected), rtol=1e-4, atol=1e-4)
    else:
        assert torch.equal(steps, torch.stack(expected))
    assert not torch.equal(steps[:, 0], steps[:, 1])


def test_what_is_saved_and_shown_is_map_z(toy: Toys) -> None:
    done = toy.run(SCRIPT, **DECLARED)
    assert done.exit_code == 0, done.output
    record = InversionRecord.load(toy.folder / "a.zplus.npz")
    with np.load(toy.folder / "a.npz") as file:
        w = torch.from_numpy(file["w"])
    assert record.z.shape == (1, 3, 8)
    record.require_code(w.numpy(), toy.folder / "a.npz")
    assert torch.equal(mapping_of(generator(toy))(torch.from_numpy(record.z)), w)
    steps, frames = (torch.from_numpy(np.load(toy.folder / f"{name}.out.npy")) for name in ("steps", "frames"))
    assert torch.equal(w[0], steps[-1])
    assert torch.equal(frames, torch.stack([picture(code[None], torch.ones(4)) for code in steps]))
    assert not list(toy.folder.glob("unmatched*"))


def test_z_has_one_code_in_all_layers(toy: Toys) -> None:
    done = toy.run(SCRIPT, options=("--latent", "z"), **DECLARED)
    assert done.exit_code == 0, done.output
    record = InversionRecord.load(toy.folder / "a.zplus.npz")
    assert record.z.shape == (1, 1, 8)
    steps = np.load(toy.folder / "steps.out.npy")
    assert np.array_equal(steps, np.repeat(steps[:, :1], 3, axis=1))


def test_off_is_untouched(toy: Toys) -> None:
    done = toy.run(SCRIPT, options=("--latent", "off"), **DECLARED)
    assert done.exit_code == 0, done.output
    steps = np.load(toy.folder / "steps.out.npy")
    assert np.array_equal(steps, np.repeat(steps[:, :1], 3, axis=1))
    assert not list(toy.folder.glob("*.zplus.npz"))


REFUSED: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "not declared": ([], {"repeated": None}, "--latent z"),
    "a loss past the synthesis network": (["--loss", "code"], {}, "not by way of the synthesis network"),
    "other codes": ([], {"repeated": Repeated("synthesis", "invert:project", pick="steps")}, "returned int"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused(toy: Toys, name: str) -> None:
    arguments, described, text = REFUSED[name]
    done = toy.run(SCRIPT, *arguments, **{**DECLARED, **described})
    assert done.exit_code == 1, done.output
    assert text in done.output and "Traceback" not in done.output
    assert not list(toy.folder.glob("*.npz"))


def swap(toy: Toys) -> LayeredSwap:
    mapping = mapping_of(generator(toy))
    return LayeredSwap(torch.zeros(2, 1, 8, requires_grad=True), SphericalLatent.random(2, 3, 8), mapping)


def test_spread_takes_codes_of_all_layers_alone(toy: Toys) -> None:
    one = swap(toy)
    with pytest.raises(SwapError, match=r"\(2, 2, 8\)"):
        one.spread(one.leaf.repeat(1, 2, 1))
    assert torch.equal(one.spread(one.leaf.repeat(1, 3, 1)), one.mapping(one.latent))


def test_only_codes_that_it_had_are_known(toy: Toys) -> None:
    one = swap(toy)
    before = one.leaf.detach().repeat(1, 3, 1)
    first = one.code()
    with torch.no_grad():
        one.latent.copy_(SphericalLatent.random(2, 3, 8))
    one.push()
    assert torch.equal(one.past(before), first)
    assert torch.equal(one.past(one.leaf.detach().repeat(1, 3, 1)), one.code())
    with pytest.raises(SwapError, match="1 of 2"):
        one.past(torch.cat([before[:1], before[1:] + 1]))
    with pytest.raises(SwapError, match="2 of 2"):  # codes that differ by layer are no copies
        one.past(first)


def test_gradients_add_up_until_they_are_cleared(toy: Toys) -> None:
    """Two losses before a step; a second pull of the same gradients gives the same."""
    one, weight = swap(toy), torch.linspace(-1, 1, 24).reshape(3, 8)
    for _ in range(2):
        (one.spread(one.leaf.repeat(1, 3, 1)) * weight).sum().backward()
    one.pull()
    z = one.latent.detach().clone().requires_grad_()
    (2 * one.mapping(z) * weight).sum().backward()
    assert one.latent.grad is not None
    torch.testing.assert_close(one.latent.grad, z.grad)
    one.pull()
    torch.testing.assert_close(one.latent.grad, z.grad)
    one.clear_gradient()
    one.pull()
    assert one.latent.grad is None
