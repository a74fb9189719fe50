"""What scripts do with generators and codes, each in a small script: captures, leaves, files, estimates, moves."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from support.patching import importable
from support.toy_scripts import GENERATOR, Toys, toys
from zplus_plugins import Truncation, mapping_of
from zplus_plugins.records.inversion import InversionRecord
from zplus_plugins.upstreams import (
    LATENT,
    ArgumentOf,
    Call,
    Estimate,
    FunctionMapping,
    ImageFiles,
    InstanceOf,
    Journal,
    Move,
    OneOf,
    Patch,
    ResultOf,
    RunContext,
    When,
)
from zplus_plugins.upstreams.requirements.pictures.readers import PILLOW_RGB

HEAD = """
import argparse, os, sys
argparse.ArgumentParser().parse_args()
import numpy as np, torch
from toy_generator import Generator, optimise
"""
SAVED = HEAD + "generator = Generator()\nw = optimise(torch.zeros(1, 3, 8))\n"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    with toys(tmp_path, monkeypatch) as made:
        yield made


def records(toy: Toys) -> dict[str, InversionRecord]:
    return {path.name: InversionRecord.load(path) for path in sorted(toy.folder.glob("*.zplus.npz"))}


def generator() -> nn.Module:
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


CAPTURES: dict[str, tuple[str, Any]] = {
    "a key of what a function returns": (
        "def load(): return {'D': 0, 'G_ema': Generator()}\nload()",
        ResultOf("invert:load", pick="G_ema"),
    ),
    "an attribute of an object": (
        "class Trainer:\n    def __init__(self): self.nets = [None, Generator()]\nTrainer()",
        InstanceOf("invert:Trainer", pick="nets.1"),
    ),
    "an attribute of a method's object": (
        "class Solver:\n    def solve(self, image): return None\n"
        "solver = Solver(); solver.net = Generator(); solver.solve(0)",
        ArgumentOf("invert:Solver.solve", "self", pick="net"),
    ),
    "from the arguments and the result": (
        "def build(kind): return {kind: Generator()}\nbuild('ema')",
        ResultOf("invert:build", pick=lambda call: call.result[call.arguments["kind"]]),
    ),
    "a class of the script": (
        "class Own(Generator):\n    def __init__(self, size=4): super().__init__()\nOwn()",
        InstanceOf("invert:Own"),
    ),
    "a class of the script that inherits its constructor": (
        "class Own(Generator): pass\nOwn()",
        InstanceOf("invert:Own"),
    ),
}


@pytest.mark.parametrize("name", CAPTURES)
def test_a_generator_is_captured_there(toy: Toys, name: str) -> None:
    source, capture = CAPTURES[name]
    script = HEAD + source + "\nnp.save('a.npy', optimise(torch.zeros(1, 3, 8)).numpy())\n"
    done = toy.run(script, generator=(capture,))
    assert done.exit_code == 0, done.output
    assert "4 steps, 4 retractions" in done.output
    require_mapped(records(toy)["a.zplus.npz"])


def test_what_no_capture_saw_is_named(toy: Toys) -> None:
    done = toy.run(SAVED + "np.save('a.npy', w)", generator=(ResultOf("toy_generator:optimise"),), codes="*.npy")
    assert done.exit_code == 1 and "toy_generator:optimise" in done.output
    assert not list(toy.folder.glob("*.np*"))


def test_a_path_that_leads_nowhere_says_what_is_there(toy: Toys) -> None:
    script = HEAD + "def load(): return {'D': 0, 'G': Generator()}\nload()"
    done = toy.run(script, generator=(ResultOf("invert:load", pick="G_ema"),))
    assert done.exit_code == 1
    assert "'G_ema'" in done.output and "D, G" in done.output and "Traceback" not in done.output


def test_the_script_s_own_names_work_as_ever(toy: Toys) -> None:
    """Its top level runs in a namespace of ours where something of it is awaited, but remains the module's."""
    script = HEAD + (
        "def first(): return second()\n"
        "def second(): return 5\n"
        "total = [one * first() for one in range(3)]\n"
        "del second\n"
        "assert 'second' not in globals() and 'second' not in locals() and 'second' not in dir()\n"
        "exec('third = 3'); assert third == 3 == vars()['third'] == eval('third')\n"
        "hint: int = 4\nassert __annotations__ == {'hint': int}\n"
        "def change():\n    global total\n    total = 7\n"
        "change(); assert total == 7 and __name__ == '__main__' and sys.modules['__main__'].total == 7\n"
        "from math import *\nassert tau > 6\n"
        "generator = Generator(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)).numpy())\n"
    )
    for capture in (InstanceOf("toy_generator:Generator"), ArgumentOf("invert:unused", "x")):
        done = toy.run(script, generator=(capture, InstanceOf("toy_generator:Generator")))
        assert done.exit_code == 0, done.output


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


def test_a_code_that_was_just_found_is_moved_before_it_is_saved(toy: Toys) -> None:
    script = SAVED + (
        "def move(code, direction): return code + direction\n"
        "np.save('same.npy', move(w, torch.zeros(8))); np.save('moved.npy', move(w[0], 0.1 * torch.ones(8)))\n"
    )
    done = toy.run(script, moves=(Move("invert:move", code="code", direction="direction"),), codes="none.npy")
    assert done.exit_code == 0, done.output
    assert "2 edits" in done.output
    w = records(toy)["unmatched-0.zplus.npz"].w
    assert w is not None
    assert np.array_equal(np.load("same.npy"), w)
    assert np.load("moved.npy").shape == (3, 8) and not np.array_equal(np.load("moved.npy"), w[0] + np.float32(0.1))


def test_codes_of_a_batch_are_moved_each_from_its_own_z(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator(); w = optimise(torch.zeros(2, 3, 8))\n"
        "def move(code, direction): return code + direction\n"
        "def both(code): return code + 0.1\n"
        "np.save('a.npy', w); np.save('same.bin', move(w, torch.zeros(3, 8))); np.save('moved.bin', both(w))\n"
    )
    moves = (Move("invert:move", code="code", direction="direction"), Move("invert:both", code="code"))
    done = toy.run(script, moves=moves)
    assert done.exit_code == 0, done.output
    assert "4 edits" in done.output
    assert np.array_equal(np.load("same.bin.npy"), np.load("a.npy"))


LOADED = HEAD + "generator = Generator(); w = np.load('a.npy')\n"
TWO = (
    HEAD
    + "generator = Generator()\nnp.save('a.npy', np.concatenate([optimise(torch.zeros(1, 3, 8), n) for n in (2, 9)]))"
)


@pytest.mark.parametrize("latent", ["z", "zplus"])
def test_arrays_that_another_run_has_saved_are_moved_some_steps_each(toy: Toys, latent: str) -> None:
    assert toy.run(TWO, options=("--latent", latent)).exit_code == 0
    script = LOADED + (
        "def moved(codes): return codes[:, None] + np.linspace(0, 0.2, 4).reshape(4, 1, 1)\n"
        "np.save('moved.bin', moved(w))\n"
    )
    done = toy.run(script, role="edit", moves=(Move("invert:moved", code="codes"),))
    assert done.exit_code == 0, done.output
    assert "8 edits" in done.output and "1 code of an earlier run reused" in done.output
    moved, w = np.load("moved.bin.npy"), np.load("a.npy")
    assert moved.dtype == np.float64 and np.array_equal(moved[:, 0], w)
    targets = w[:, None] + np.linspace(0, 0.2, 4).reshape(4, 1, 1)
    assert (
        np.linalg.norm(moved - targets, axis=(2, 3))[:, 1:] < np.linalg.norm(w[:, None] - targets, axis=(2, 3))[:, 1:]
    ).all()


INTERPOLATING = LOADED + (
    "def between(a, b, steps): return a[:, None] + np.linspace(0, 1, steps).reshape(steps, 1, 1) * (b - a)[:, None]\n"
    "np.save('path.bin', between(w[[0, 0]], w, 5))\n"
)


def test_interpolations_go_over_the_hypersphere_from_one_code_to_the_other(toy: Toys) -> None:
    assert toy.run(TWO).exit_code == 0
    done = toy.run(INTERPOLATING, role="edit", moves=(Move("invert:between", code="a", to="b"),))
    assert done.exit_code == 0 and "10 edits" in done.output, done.output
    to_itself, path = np.load("path.bin.npy")
    first, last = np.load("a.npy")
    assert np.array_equal(to_itself, np.stack(5 * [first]))
    assert np.array_equal(path[0], first) and np.array_equal(path[4], last)
    z, z_end = (torch.from_numpy(record.z) for record in records(toy).values())
    for i in (1, 2, 3):
        between = torch.nn.functional.normalize(z + i / 4 * (z_end - z), dim=-1) * 8**0.5
        torch.testing.assert_close(torch.from_numpy(path[i]).float(), mapping_of(generator())(between)[0])


def test_what_lies_not_between_two_codes_is_refused(toy: Toys) -> None:
    assert toy.run(TWO).exit_code == 0
    script = INTERPOLATING.replace("(b - a)", "(b * b - a)")
    done = toy.run(script, role="edit", moves=(Move("invert:between", code="a", to="b"),))
    assert done.exit_code == 1 and "--latent off" in done.output and "Traceback" not in done.output
    assert not Path("path.bin.npy").exists()


def test_a_code_without_a_record_is_not_edited(toy: Toys) -> None:
    np.save("a.npy", np.zeros((2, 3, 8), np.float32))
    done = toy.run(LOADED, role="edit")
    assert done.exit_code == 1 and "no Z+ record a.zplus.npz" in done.output


def test_calls_are_redirected_to_what_the_script_defines_below(toy: Toys) -> None:
    script = HEAD + (
        "generator = Generator()\n"
        "def w_only(): raise SystemExit('not here')\n"
        "def w_plus(): return optimise(torch.zeros(1, 3, 8))\n"
        "np.save('a.npy', w_only())\n"
    )
    done = toy.run(script, redirect={"invert:w_only": "invert:w_plus"})
    assert done.exit_code == 0, done.output
    require_mapped(records(toy)["a.zplus.npz"])


def test_the_map_of_an_unknown_generator_is_the_adapter_s(toy: Toys) -> None:
    def mapping(generator: Any, truncation: Truncation) -> FunctionMapping:
        def labelled(z: Tensor) -> Tensor:
            made: Tensor = generator.style(z + generator.label)
            return made

        return FunctionMapping(generator, labelled, z_dim=8, w_dim=8, num_ws=3, truncation=truncation)

    script = HEAD + (
        "class Unknown(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__(); self.style, self.label = Generator().style, torch.ones(8)\n"
        "Unknown(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)))\n"
    )
    done = toy.run(script, generator=(InstanceOf("invert:Unknown"),), mapping=mapping)
    assert done.exit_code == 0, done.output
    assert "4 retractions" in done.output and "a.zplus.npz" in records(toy)


def test_a_patch_sees_the_run_and_not_our_own_writing(toy: Toys) -> None:
    seen: list[tuple[str, Any]] = []

    def install(journal: Journal, run: RunContext) -> None:
        def watching(save: Any) -> Any:
            def saving(path: Any, *args: Any, **kwargs: Any) -> Any:
                seen.append((str(path), run.arguments["name"]))
                assert run.latent == "zplus" and isinstance(run.generator, nn.Module)
                assert len(run.swaps) <= 1 and run.mapping().num_ws == 3
                return save(path, *args, **kwargs)

            return saving

        def finding(find: Any) -> Any:
            def found(*args: Any) -> Any:
                w = find(*args)
                assert run.save_record(Path("kept.bin"), w) == [Path("kept.zplus.npz")]
                return w

            return found

        run.wrap("numpy:savez", watching)
        run.wrap("toy_generator:optimise", finding)

    script = SAVED.replace(
        "argparse.ArgumentParser().parse_args()",
        "p = argparse.ArgumentParser(); p.add_argument('--name', default='x'); p.parse_args()",
    )
    patch = Patch("watch", "nothing breaks", install)
    done = toy.run(script + "np.savez('a.npz', w=w)", patches=(patch,), codes="*.npz", code_item="w")
    assert done.exit_code == 0, done.output
    assert len(seen) == 1 and seen[0][1] == "x"
    assert set(records(toy)) == {"a.zplus.npz", "kept.zplus.npz"}


def test_a_call_has_arguments_by_name_and_the_result() -> None:
    assert Call({"a": 1}, 2).arguments["a"] == 1


def test_folders_that_the_adapter_or_the_script_adds_are_looked_into(toy: Toys) -> None:
    for folder in ("declared", "added"):
        (toy.folder / folder).mkdir()
        (toy.folder / folder / f"toy_{folder}.py").write_text("\ufefffrom toy_generator import Generator\n", "utf-8")
    script = HEAD + (
        "sys.path.append('added/')\nimport toy_added, toy_declared\n"
        "generator = Generator(); np.save('a.npy', optimise(torch.zeros(1, 3, 8)))\n"
    )
    done = toy.run(script, paths=("declared",))
    assert done.exit_code == 0, done.output


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


def test_a_module_of_the_script_s_own_wins_over_one_that_is_imported_already(toy: Toys, tmp_path: Path) -> None:
    """Such as a repository's copy of a package, which a process of the script's own would find first, too."""
    for folder, whose in ((tmp_path / "installed", "installed"), (toy.folder, "the script's")):
        (folder / "toy_namesake").mkdir(parents=True)
        (folder / "toy_namesake" / "__init__.py").write_text("from toy_namesake.part import WHOSE\n")
        (folder / "toy_namesake" / "part.py").write_text(f"WHOSE = {whose!r}\n")
    with importable(tmp_path / "installed"):
        before = [importlib.import_module(name) for name in ("toy_namesake", "toy_namesake.part")]
        script = SAVED + "import toy_namesake; print('it is', toy_namesake.WHOSE)\nnp.save('a.npy', w)"
        done = toy.run(script)
        assert done.exit_code == 0, done.output
        assert "it is the script's" in done.output
        assert [sys.modules[module.__name__] for module in before] == before


def test_needs_know_the_latent_of_the_run(toy: Toys) -> None:
    wide = When(LATENT, "zplus", (OneOf("wide", (True,), why="one code is not enough."),))
    parser = "p = argparse.ArgumentParser(); p.add_argument('--wide', action='store_true'); p.parse_args()"
    script = SAVED.replace("argparse.ArgumentParser().parse_args()", parser) + "np.save('a.npy', w)"
    refused = toy.run(script, needs=(wide,))
    assert refused.exit_code == 2 and "one code is not enough" in refused.output
    assert not list(toy.folder.glob("*.np*"))
    for options, given in ((("--latent", "z"), ()), ((), ("--wide",)), (("--latent", "off"), ())):
        assert toy.run(script, *given, options=options, needs=(wide,)).exit_code == 0


def test_pictures_that_a_script_is_given_by_name(toy: Toys) -> None:
    parser = "p = argparse.ArgumentParser(); p.add_argument('files', nargs='+'); p.parse_args()"
    script = SAVED.replace("argparse.ArgumentParser().parse_args()", parser) + "np.save(sys.argv[1], w)"
    (toy.folder / "b").mkdir()
    for name in ("a.png", "b/a.png"):
        Image.new("RGB", (8, 8)).save(toy.folder / name)
    need = ImageFiles("files", reader=PILLOW_RGB)
    done = toy.run(script, "a.png", "absent.png", needs=(need,))
    assert done.exit_code == 1 and "absent.png" in done.output and "a.png will" not in done.output
    noted = toy.run(script, "a.png", "b/a.png", "a.png", options=("--dry-run",), needs=(need,))
    assert noted.exit_code == 0 and noted.output.count("a.png will be overwritten by those of b/a.png") == 1
