"""``zplus directions`` on a tiny generator, and all that it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from support.commands import GENERATOR, done, zplus
from support.outcome import refused
from zplus_plugins.directions import Direction


def test_other_methods_find_directions_too(work: Path) -> None:
    np.save("theirs.npy", np.ones((1, 10), np.float32))
    common = ("directions", "--generator", "generator.pt", "--no-preview", "--out", "found")
    assert done(*common, "--method", "sefa", "--components", 1) == ["found/sefa-00.zplus.npz"]
    assert done(*common, "--method", "chase", "--w", "theirs.npy") == ["found/theirs.zplus.npz"]
    assert Direction.load(Path("found/theirs.zplus.npz"), GENERATOR).method == "chase"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--method", "chase"), ["go together"]),
        (("--w", "theirs.npy"), ["go together"]),
        (("--method", "interfacegan"), ["needs --scores of this generator's images", "pixels, landmarks, clip"]),
        (("--method", "interfacegan", "--scores", "attributes"), ["drawn portraits"]),
        (("--method", "interfacegan", "--scores", "absent"), ["no scores 'absent'"]),
        (("--method", "interfacegan", "--scores", "pixels", "--text", "old"), ["only for --scores clip, not pixels"]),
        (("--method", "interfacegan", "--scores", "clip", "--text", "old"), ["--against"]),
        (("--method", "interfacegan", "--scores", "a.csv", "--samples", "99"), ["--samples", "its own images"]),
        (("--method", "interfacegan", "--scores", "pixels", "--attribute", "smile"), ["no scores of smile", "tint"]),
        (("--method", "interfacegan", "--scores", "absent.py:mine"), ["no file absent.py"]),
        (("--method", "sefa", "--scores", "pixels"), ["--scores is only for --method interfacegan, not sefa"]),
        (("--method", "interfacegan", "--components", "3"), ["--components", "not interfacegan"]),
        (("--method", "chase", "--w", "theirs.npy", "--components", "3"), ["--components", "not chase"]),
    ],
)
def test_directions_refuses_what_does_not_go_together(work: Path, options: tuple[str, ...], parts: list[str]) -> None:
    refused(zplus("directions", "--generator", "generator.pt", "--out", "found", *options), 2, *parts)
    assert not (work / "found").exists()


def test_a_foreign_direction_that_runs_something_is_refused(work: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (work / "ran",)

    torch.save(Runs(), work / "theirs.pt")
    common = ("directions", "--generator", "generator.pt", "--method", "chase", "--out", "found", "--w")
    refused(zplus(*common, "theirs.pt"), 1, "The direction theirs.pt cannot be read: ")
    assert not (work / "ran").exists() and not (work / "found").exists()


def test_a_foreign_direction_of_complex_numbers_is_refused(work: Path) -> None:
    np.save("theirs.npy", np.full((1, 10), 1 + 2j))
    common = ("directions", "--generator", "generator.pt", "--method", "chase", "--out", "found", "--w")
    refused(zplus(*common, "theirs.npy"), 1, "The direction theirs.npy cannot be read: ", "complex numbers")
