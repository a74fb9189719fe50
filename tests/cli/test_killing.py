"""A few kills of two commands; many, and of all: ``python tests/killing --help``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from support.places import TESTS
from support.pythons import run_python


@pytest.mark.kill
def test_nothing_is_lost_torn_or_left() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = run_python([str(TESTS / "killing"), "invert", "edit", "--times", "2"], TESTS, environment, 600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("2 kills") == 2


REPEATED = """
import json, os, random, sys, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
from killing.scenes import Forked
from support.commands import make_material
from support.outcome import files
import zplus_plugins.cli.main
from zplus_plugins.inversion import batches

torch.set_num_threads(1)
whole, times, work = batches.invert, int(sys.argv[1]), Path(sys.argv[2])

def logged(*arguments, **options):
    with (work / "begun").open("a") as log:
        log.write(f"{os.getpid()}\\n")
    return whole(*arguments, **options)

batches.invert = logged
stream = np.random.default_rng(0)
make_material(work)
(work / "many").mkdir()
for index in range(16):
    Image.fromarray(stream.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(work / f"many/{index:02}.png")
common = ["invert", "many", "--generator", "generator.pt", "--likeness", "none", "--steps", "10", "--batch", "2"]
began = time.monotonic()
status = [Forked(work, [*common, "--out", "whole"]).wait()]
seconds = time.monotonic() - began
(work / "begun").write_text("")
for kill in range(times):
    running = Forked(work, [*common, "--out", "out"])
    before = (work / "begun").stat().st_size
    while (work / "begun").stat().st_size == before and not (work / "out/15.zplus.npz").exists():
        time.sleep(0.001)
    time.sleep(random.Random(kill).uniform(0, 2) * seconds / 8)  # of 8 batches: before one of them is done, or after
    running.kill()
status.append(Forked(work, [*common, "--out", "out"]).wait())
made = [{name: content.hex() for name, content in files(work / folder).items() if name[0] != "."}
        for folder in ("whole", "out")]
begun = (work / "begun").read_text().split()
print(json.dumps({"status": status, "results": len(made[0]), "same": made[0] == made[1], "begun": len(begun),
                  "runs": len(set(begun))}))
"""


@pytest.mark.kill
def test_a_killed_inversion_repeats_at_most_one_batch(tmp_path: Path) -> None:
    times = 4
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS)}
    (tmp_path / "here").mkdir()
    done = run_python(["-c", REPEATED, str(times), str(tmp_path / "here")], tmp_path, environment, 600)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["status"] == [0, 0] and found["results"] == 32 and found["same"]
    assert found["runs"] > times and 8 < found["begun"] <= 8 + times
