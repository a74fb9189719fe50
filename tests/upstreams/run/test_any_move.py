"""How scripts move codes, each in a small script: just found or loaded, alone, in batches, from one to another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from support.toy_scripts import HEAD, SAVED, Toys, generator, records
from zplus_plugins import mapping_of
from zplus_plugins.upstreams import (
    Move,
)


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
