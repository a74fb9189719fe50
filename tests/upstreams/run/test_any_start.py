"""Starts that the user gives, and the format in which scripts get their F, each in a small script."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from support.toy_scripts import HEAD, SAVED, Toys, records
from zplus_plugins import SphericalLatent
from zplus_plugins.records.inversion import hash_code
from zplus_plugins.upstreams import FeatureMap

STAY = """
def stay(w):
    optimizer = torch.optim.Adam([w.requires_grad_(True)], lr=0)
    (w - 1).square().sum().backward()
    optimizer.step()
    return w.detach()
"""
NO_STEP = HEAD + STAY + "generator = Generator()\nnp.save('a.npy', stay(torch.zeros(1, 3, 8)))\n"
NEVER = ("--retract", "never")


def code(*shape: int, seed: int = 3) -> np.ndarray:
    """Codes on the hypersphere of 8 dimensions."""
    z = SphericalLatent.random(*shape, generator=torch.Generator().manual_seed(seed))
    return z.detach().numpy().copy()


@pytest.mark.parametrize(
    ("latent", "shape"), [("zplus", (3, 8)), ("zplus", (1, 3, 8)), ("z", (1, 8)), ("z", (1, 1, 8))]
)
def test_an_inversion_starts_at_the_code_in_a_file(toy: Toys, latent: str, shape: tuple[int, ...]) -> None:
    z = code(*shape)
    np.save("start.npy", z)
    done = toy.run(NO_STEP, options=("--latent", latent, "--init", "start.npy", *NEVER, "--summary", "s.json"))
    assert done.exit_code == 0, done.output
    found = records(toy)["a.zplus.npz"]
    assert np.array_equal(found.z[0], z.reshape(-1, 8))
    summary = json.loads(Path("s.json").read_text())
    assert summary["init"] == found.provenance.init == f"file {hash_code(z.reshape(1, -1, 8))[:16]}"


def test_every_image_starts_there(toy: Toys) -> None:
    z = code(3, 8)
    np.save("start.npy", z.astype(np.float64))
    two = NO_STEP + "np.save('b.npy', stay(torch.zeros(2, 3, 8)))\n"
    done = toy.run(two, options=("--init", "start.npy", *NEVER))
    assert done.exit_code == 0, done.output
    assert len(records(toy)) == 3
    assert all(np.array_equal(record.z[0], z) for record in records(toy).values())


def test_an_inversion_starts_where_another_ended(toy: Toys) -> None:
    assert toy.run(SAVED + "np.save('a.npy', w)").exit_code == 0
    ended = records(toy)["a.zplus.npz"].z
    done = toy.run(NO_STEP.replace("a.npy", "b.npy"), options=("--init", "a.zplus.npz", *NEVER))
    assert done.exit_code == 0, done.output
    assert np.array_equal(records(toy)["b.zplus.npz"].z, ended)


def of_floats(array: np.ndarray) -> Callable[[Path], None]:
    return lambda path: np.save(path, array)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("0.1, 0.2"), "Give a .npy file or a record"),
    "empty": (lambda path: path.write_bytes(b""), "it is empty"),
    "whole numbers": (of_floats(np.ones((3, 8), np.int64)), "an array of int64, shape (1, 3, 8)"),
    "one number": (of_floats(np.float32(1)), "an array of float32, shape ()"),
    "two codes": (of_floats(code(2, 3, 8)), "an array of float32, shape (2, 3, 8)"),
    "off the hypersphere": (of_floats(2 * code(3, 8)), "Code z[0, 0] (layer 0) has norm 5.65685"),
    "not finite": (of_floats(np.full((3, 8), np.nan, np.float32)), "contains nan"),
    "of another generator": (
        of_floats(code(4, 8)),
        "has the shape (4, 8); this generator starts at codes of (3, 8)",
    ),
    "of Z": (of_floats(code(1, 8)), "has the shape (1, 8); this generator starts at codes of (3, 8)"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_start_that_does_not_fit_is_refused_before_any_step(toy: Toys, kind: str) -> None:
    write, expected = BAD[kind]
    write(toy.folder / "start.npy")
    stepping = NO_STEP.replace("np.save", "open('stepped', 'w'); np.save")
    done = toy.run(stepping, options=("--init", "start.npy"))
    assert done.exit_code == 1
    assert expected in done.output
    assert "--init" in done.output
    assert not (toy.folder / "stepped").exists()


def test_a_code_in_zplus_is_no_start_in_z(toy: Toys) -> None:
    np.save("start.npy", code(3, 8))
    done = toy.run(NO_STEP, options=("--latent", "z", "--init", "start.npy"))
    assert (done.exit_code, "expected, for --latent z, one code in Z" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--init", "men"), "'men' is none of random, mean, project, and no file of that name exists"),
        (("--init", "start.npy", "--latent", "off"), "has no effect on a script that does not invert in Z or Z+"),
    ],
)
def test_a_start_that_cannot_take_effect_is_wrong_usage(toy: Toys, options: tuple[str, ...], expected: str) -> None:
    np.save("start.npy", code(3, 8))
    done = toy.run(NO_STEP, options=options)
    assert done.exit_code == 2
    assert expected in " ".join(done.output.split())


def test_the_script_cannot_overwrite_its_start(toy: Toys) -> None:
    z = code(3, 8)
    np.save("a.npy", z)
    done = toy.run(NO_STEP, options=("--init", "a.npy"))
    assert done.exit_code == 1
    assert np.array_equal(np.load("a.npy"), z)


SYNTHESIS = "seen = []\ndef synthesise(w, f=None):\n    seen.append(f.is_contiguous())\n"


@pytest.mark.parametrize(("ops", "formats"), [("upstream", "False True"), ("reference", "True True")])
def test_with_the_upstream_s_operations_a_step_gets_f_as_the_script_has_it(toy: Toys, ops: str, formats: str) -> None:
    """StyleGAN1's convolutions round differently in another memory format; files hold F in the contiguous one."""
    (toy.folder / "toy_synthesis.py").write_text(SYNTHESIS)
    script = SAVED + (
        "import toy_synthesis\n"
        "f = torch.zeros(1, 4, 2, 2).contiguous(memory_format=torch.channels_last)\n"
        "toy_synthesis.synthesise(w, f=f)\n"
        "with torch.no_grad():\n    toy_synthesis.synthesise(w, f=f)\n"
        "np.save('a.npy', w)\nprint(*toy_synthesis.seen)\n"
    )
    described = FeatureMap(synthesis=("toy_synthesis:synthesise",), arguments=("f",))
    done = toy.run(script, options=("--ops", ops), feature_map=described)
    assert done.exit_code == 0, done.output
    assert formats in done.output
