"""How scripts hold and save their codes, each in a small script: leaves and files."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from support.toy_scripts import HEAD, SAVED, Toys, records, require_mapped
from zplus_plugins.upstreams import (
    Estimate,
)

FILES: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "(L, D)": ("np.save('a.npy', w[0])", {}, {"a"}),
    "keyword arguments": ("np.savez('a.npz', w=w, seed=0)", {"codes": "*.npz", "code_item": "w"}, {"a"}),
    "a batch": ("w = optimise(torch.zeros(2, 3, 8)); np.save('a.npy', w)", {}, {"a-0", "a-1"}),
    "nested": (
        "torch.save({f'in/{n}.png': {'latent': w[0], 'noise': [w, w]} for n in 'x'}, 'a.pt')",
        {"codes": "*.pt", "code_item": "*.latent"},
        {"a"},
    ),
    "several images in one file": (
        "w = optimise(torch.zeros(2, 3, 8))\n"
        "torch.save({f'{n}/in.png': {'latent': w[i]} for i, n in enumerate('xy')}, 'a.pt')",
        {"codes": "*.pt", "code_item": "*.latent"},
        {"a-0", "a-1"},
    ),
    "found one after the other": (
        "v = optimise(torch.ones(1, 3, 8), 6); np.save('all.npy', np.concatenate([w, v]))",
        {},
        {"all-0", "all-1"},
    ),
    "by a function": (
        "torch.save([('x', w), ('y', w)], 'a.bin')",
        {"codes": "", "find_codes": lambda path, content: [(path.with_name(n), w) for n, w in content]},
        {"x", "y"},
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_every_code_in_a_file_gets_its_record(toy: Toys, name: str) -> None:
    source, described, expected = FILES[name]
    done = toy.run(SAVED + source, **described)
    assert done.exit_code == 0, done.output
    found = records(toy)
    assert set(found) == {f"{one}.zplus.npz" for one in expected}
    for record in found.values():
        require_mapped(record)
    assert f"{len(expected)} image" in done.output


def test_a_code_for_all_layers_in_z(toy: Toys) -> None:
    script = HEAD + "generator = Generator()\nfor i, shape in enumerate([(1, 1, 8), (2, 8)]):\n"
    script += "    np.save(f'{i}.npy', optimise(torch.zeros(shape)).reshape(-1, 8)[0])\n"
    done = toy.run(script, options=("--latent", "z"))
    assert done.exit_code == 0, done.output
    assert "8 steps, 8 retractions" in done.output
    for record in records(toy).values():
        require_mapped(record)
        assert record.z.shape == (1, 1, 8)
    refused = toy.run(script)
    assert refused.exit_code == 1 and "(1, 1, 8)" in refused.output and "--latent z" in refused.output


@pytest.mark.parametrize("shape", [(1, 8), (2, 1, 8)])
def test_a_list_of_codes_one_a_layer(toy: Toys, shape: tuple[int, ...]) -> None:
    """The same as one leaf, bit for bit."""
    script = HEAD + (
        "generator = Generator()\n"
        f"ws = [torch.zeros({shape}, requires_grad=True) for _ in range(3)]\n"
        "noise = torch.ones(4, requires_grad=True)\n"
        "optimizer = torch.optim.Adam([noise, *ws], lr=0.1)\n"
        "for _ in range(4):\n"
        "    optimizer.zero_grad(); sum((w - 1).square().sum() for w in ws).backward(); optimizer.step()\n"
        f"np.save('a.npy', torch.stack([w.detach().reshape({shape[0]}, 8) for w in ws], 1))\n"
        f"np.save('b.npy', optimise(torch.zeros({shape[0]}, 3, 8)))\n"
    )
    done = toy.run(script)
    assert done.exit_code == 0, done.output
    assert "8 steps, 8 retractions" in done.output
    assert np.array_equal(np.load("a.npy"), np.load("b.npy"))
    assert len(records(toy)) == 2 * shape[0]
    refused = toy.run(script.replace("optimizer.step()", "ws[2].detach().zero_(); optimizer.step()"))
    assert refused.exit_code == 1 and "in place" in refused.output


def test_noise_and_weights_are_no_codes(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator(); w = torch.zeros(1, 3, 8, requires_grad=True)\n"
        "noise = torch.randn(8, 8, requires_grad=True); weight = torch.nn.Parameter(torch.randn(2, 8))\n"
        "optimizer = torch.optim.Adam([noise, weight, w], lr=0.1)\n"
        "((w - 1).square().sum() + noise.sum() + weight.sum()).backward(); optimizer.step()\n"
        "np.save('a.npy', w.detach())\n"
    )
    for latent in ("z", "zplus"):
        done = toy.run(script, options=("--latent", latent))
        assert done.exit_code == 0 and "1 step, 1 retraction" in done.output, done.output


def test_z_is_saved_although_the_script_saves_something_else(toy: Toys) -> None:
    (toy.folder / "unmatched-a.zplus.npz").write_text("the user's own")
    done = toy.run(SAVED + "np.save('a.npy', w + 1)\nnp.save('b.npy', w)")
    assert done.exit_code == 0, done.output
    assert "(3, 8)" in done.output and "unmatched-a-2.zplus.npz" in done.output
    assert (toy.folder / "unmatched-a.zplus.npz").read_text() == "the user's own"
    (toy.folder / "unmatched-a.zplus.npz").unlink()
    found = records(toy)
    assert set(found) == {"b.zplus.npz", "unmatched-a-2.zplus.npz"}
    assert np.array_equal(found["b.zplus.npz"].z, found["unmatched-a-2.zplus.npz"].z)


def test_z_is_saved_although_the_script_saves_no_code(toy: Toys) -> None:
    done = toy.run(SAVED + "np.save('pixels.txt', np.zeros(3))", codes="codes/*.npy")
    assert done.exit_code == 0 and "unmatched-0.zplus.npz" in done.output, done.output
    require_mapped(records(toy)["unmatched-0.zplus.npz"])


IMAGES: dict[str, tuple[str, set[str]]] = {
    "one a code": ("for n in 'xy': w = encode(n); save(n + '.png', w)", {"x", "y"}),
    "two a code": ("w = encode('x'); save('x.png', w); save('input.png', w)", {"x"}),
    "one a batch": ("save('x.png', torch.cat([encode('x', 2)]))", {"x-0", "x-1"}),
    "of one stem": ("for n in ('x.jpg', 'x.png'): save(n, encode(n))", {"x", "x-png"}),
    "of a code that was optimised": ("save('x.png', optimise(torch.zeros(1, 3, 8)))", {"x"}),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_gets_the_records_of_the_codes_that_it_shows(toy: Toys, name: str) -> None:
    source, expected = IMAGES[name]
    script = HEAD + (
        "generator = Generator()\n"
        "def encode(name, n=1): return generator.style(torch.ones(n, 3, 8) * sum(map(ord, name)) / 100)\n"
        "def save(name, w): torch.save(w, name)\n"
    )
    described = {"codes": "", "images": "{out}/*.[jp][pn]g", "estimates": (Estimate("invert:encode"),)}
    parser = "p = argparse.ArgumentParser(); p.add_argument('--out'); p.parse_args()"
    script = script.replace("argparse.ArgumentParser().parse_args()", parser)
    done = toy.run(script + source, "--out", ".", **described)
    assert done.exit_code == 0, done.output
    assert set(records(toy)) == {f"{one}.zplus.npz" for one in expected}
    shown = {path.stem: torch.load(path) for path in toy.folder.glob("*.*g") if path.name != "input.png"}
    for path, record in records(toy).items():
        require_mapped(record)
        w = shown[path[0]][int(path[2]) if path[2] in "01" else 0]
        assert name == "of one stem" or np.array_equal(record.w[0], w)


def test_a_code_that_is_loaded_and_saved_again_is_the_run_s_own_and_counts_once(toy: Toys) -> None:
    script = (
        SAVED
        + """
    torch.save(w, "a.pt")
    torch.save(torch.load("a.pt"), "a.pt")
    torch.save(torch.load("a.pt") + 0, "b.pt")
    """.replace("\n    ", "\n")
    )
    result = toy.run(script, options=("--summary", "summary.json"), codes="*.pt")
    assert result.exit_code == 0, result.output
    found = json.loads((toy.folder / "summary.json").read_text())
    assert (found["images"], found["reused"], found["unmatched"]) == (2, [], [])
    for record in records(toy).values():
        require_mapped(record)
    assert set(records(toy)) == {"a.zplus.npz", "b.zplus.npz"}


def test_an_optimizer_starts_at_the_z_of_a_code_that_was_loaded(toy: Toys) -> None:
    assert toy.run(SAVED + "torch.save(w, 'a.pt')", codes="*.pt").exit_code == 0
    script = HEAD + (
        "generator = Generator(); w = torch.load('a.pt').clone().requires_grad_(True)\n"
        "optimizer = torch.optim.Adam([w], lr=0.0)\n"
        "(w - 1).square().sum().backward(); optimizer.step(); torch.save(w.detach(), 'b.pt')\n"
    )
    done = toy.run(script, codes="*.pt", init="project")
    assert done.exit_code == 0, done.output
    found = records(toy)
    assert found["b.zplus.npz"].provenance.steps == 1
    np.testing.assert_allclose(found["b.zplus.npz"].z, found["a.zplus.npz"].z, rtol=0, atol=1e-6)


def test_inside_an_untouched_function_nothing_is_replaced(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator()\n"
        "def coarse(): return optimise(torch.zeros(1, 3, 8), 1)\n"
        "np.save('mask.bin', coarse()); np.save('a.npy', optimise(torch.zeros(1, 3, 8)))\n"
    )
    done = toy.run(script, untouched=("invert:coarse",), codes="a.npy")
    assert done.exit_code == 0, done.output
    assert "4 steps, 4 retractions" in done.output
    np.testing.assert_allclose(np.load("mask.bin.npy"), 0.1, rtol=1e-6)  # Adam's first step in W+
    assert set(records(toy)) == {"a.zplus.npz"}
