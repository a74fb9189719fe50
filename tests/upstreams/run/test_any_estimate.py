"""Codes that scripts estimate instead of optimising them, each in a small script."""

from __future__ import annotations

import pytest
import torch

from support.toy_scripts import HEAD, Toys, generator, records, require_mapped
from zplus_plugins import mapping_of
from zplus_plugins.upstreams import (
    Estimate,
    Move,
)

ESTIMATES: dict[str, tuple[str, Estimate]] = {
    "the result": ("def encode(image): return image.repeat(1, 3, 1)", Estimate("invert:encode")),
    "a part of it": (
        "def encode(image): return [0, {'w': image.repeat(1, 3, 1)}]",
        Estimate("invert:encode", pick="1.w"),
    ),
    "without the mean that is added later": (
        "def encode(image, mean=torch.ones(8)): return image.repeat(1, 3, 1) - mean",
        Estimate("invert:encode", add=lambda call: call.arguments["mean"]),
    ),
    "an argument, where the mean has been added": (
        "def encode(image, mean=torch.ones(8)): return use(styles=[image.repeat(1, 3, 1) - mean + mean])\n"
        "def use(styles, scale=1): return styles[0]",
        Estimate("invert:use", argument="styles", pick="0"),
    ),
}


@pytest.mark.parametrize("name", ESTIMATES)
def test_an_encoder_s_code_is_projected(toy: Toys, name: str) -> None:
    source, estimate = ESTIMATES[name]
    after = {"a part of it": "code[1]['w']", "without the mean that is added later": "code + 1"}.get(name, "code")
    script = HEAD + f"generator = Generator()\n{source}\ncode = encode(generator.style(torch.ones(2, 1, 8)))\n"
    done = toy.run(script + f"np.save('a.npy', {after})", estimates=(estimate,))
    assert done.exit_code == 0, done.output
    assert "2 estimates projected" in done.output
    for record in records(toy).values():
        assert record.provenance.init == "project" and record.provenance.steps == 0
        if name == "without the mean that is added later":  # which rounds
            mapped = mapping_of(generator())(torch.from_numpy(record.z))
            torch.testing.assert_close(mapped, torch.from_numpy(record.w))
        else:
            require_mapped(record)
    assert set(records(toy)) == {"a-0.zplus.npz", "a-1.zplus.npz"}


def test_an_estimate_that_comes_by_again_stays_as_it_is(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator()\n"
        "def encode(image): return image.repeat(1, 3, 1)\n"
        "code = encode(generator.style(torch.ones(1, 1, 8)))\n"
        "assert torch.equal(use(code), code)\n"
        "np.save('a.npy', code)\n"
    ).replace("code = ", "def use(code): return code\ncode = ")
    estimates = (Estimate("invert:encode"), Estimate("invert:use", argument="code"))
    done = toy.run(script, estimates=estimates)
    assert done.exit_code == 0, done.output
    assert "1 estimate projected" in done.output
    require_mapped(records(toy)["a.zplus.npz"])


def test_an_editing_script_moves_its_encoder_s_code(toy: Toys) -> None:
    """It saves no code, and its codes are NumPy's, and flat."""
    script = HEAD + (
        "generator = Generator()\n"
        "def encode(image): return image.repeat(1, 3, 1)\n"
        "def move(code, by): return code + by * np.ones((1, 24), np.float32)\n"
        "def add(code, direction): return code + direction\n"
        "code = encode(generator.style(torch.ones(1, 1, 8))); flat = code.numpy().reshape(1, -1)\n"
        "assert np.array_equal(move(flat, 0), flat)\n"
        "moved = move(flat, np.float32([[0], [0.1]]))\n"
        "assert moved.shape == (2, 24) and moved.dtype == np.float32 and np.array_equal(moved[:1], flat)\n"
        "assert not np.array_equal(moved[1:], flat) and not np.array_equal(moved[1:], flat + np.float32(0.1))\n"
        "assert np.array_equal(add(flat, np.zeros((1, 24), np.float32)), flat) and torch.equal(add(code, 0.0), code)\n"
    )
    described = {
        "role": "edit",
        "own_estimates": (Estimate("invert:encode"),),
        "moves": (Move("invert:move", code="code"), Move("invert:add", code="code", direction="direction")),
    }
    done = toy.run(script, **described)
    assert done.exit_code == 0, done.output
    assert "1 estimate projected; 5 edits" in done.output
    assert not records(toy)
    assert "estimate" not in toy.run("import argparse; argparse.ArgumentParser().parse_args()", **described).output


def test_an_optimizer_starts_at_the_projected_estimate(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator()\n"
        "def encode(image): return image.repeat(1, 3, 1)\n"
        "code = encode(generator.style(torch.ones(1, 1, 8)))\n"
        "w = code.clone().requires_grad_(True); optimizer = torch.optim.Adam([w], lr=0.1)\n"
        "assert torch.equal(w, code)\n"
        "(w - 1).square().sum().backward(); optimizer.step(); np.save('a.npy', w.detach())\n"
    )
    done = toy.run(script, estimates=(Estimate("invert:encode"),), init="project")
    assert done.exit_code == 0, done.output
    assert records(toy)["a.zplus.npz"].provenance.steps == 1
