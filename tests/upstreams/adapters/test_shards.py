"""Shards and resumed runs of real scripts: together they write, file by file, what one run writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from support import bdinvert_assets, bdinvert_runs, pti_assets
from support.outcome import files, refused
from support.pti_runs import CALL, RUN_PTI, bare, given, run_here

pytestmark = pytest.mark.filterwarnings("default")
REAL = pytest.mark.upstream
KINDS = ["standin", pytest.param("upstream", marks=REAL)]
# Kills itself in the middle of an image's steps, once the file of another image is there.
KILLED = """
import os, pathlib, signal
from torch.optim.optimizer import register_optimizer_step_post_hook

def end(*step):
    if pathlib.Path({finished!r}).exists():
        os.kill(os.getpid(), signal.SIGKILL)

register_optimizer_step_post_hook(end)
from zplus_plugins.__main__ import main
main()
"""


def together(commands: Sequence[Sequence[str]], folder: Path, env: dict[str, str]) -> list[str]:
    """What commands of ``zplus`` say that run at the same time, in a folder, with one thread each."""
    environment = {**os.environ, **env, "OMP_NUM_THREADS": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "zplus_plugins", *command],
            cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for command in commands
    ]  # fmt: skip
    said = [process.communicate(timeout=1800)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), said
    return said


def killed(command: Sequence[str], finished: Path, folder: Path, env: dict[str, str]) -> None:
    """The command is killed with SIGKILL once a file is there, in the steps of the next image."""
    environment = {**os.environ, **env, "OMP_NUM_THREADS": "1"}
    code = KILLED.format(finished=str(finished))
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=folder, env=environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    assert finished.exists()


class TestBDInvert:
    @pytest.fixture
    def assets(
        self, request: pytest.FixtureRequest, prepared_bdinvert: Callable[..., bdinvert_assets.Assets], tmp_path: Path
    ) -> bdinvert_assets.Assets:
        """A checkout whose list has three images."""
        assets = prepared_bdinvert(request.param)
        images = [assets.cwd / "synthetic" / "images" / f"crop{number}.png" for number in (0, 1)]
        Image.open(images[1]).rotate(90).save(tmp_path / "turned.png")
        (tmp_path / "images.list").write_text("".join(f"{path}\n" for path in (*images, tmp_path / "turned.png")))
        return replace(assets, image_list=tmp_path / "images.list")

    @pytest.mark.parametrize("assets", ["standin"], indirect=True)
    def test_a_share_is_what_the_whole_run_writes_for_it(self, assets: bdinvert_assets.Assets, tmp_path: Path) -> None:
        arguments = [*bdinvert_assets.invert_args(assets, 1), "--randomize_noise", "True", "--job_name", "job"]
        runs = [("whole", ()), ("share", ("--shard", "2/2")), ("share", ("--resume",)), ("share", ("--seed", "3"))]
        commands = [
            ["run", *options, "invert.py", *arguments, "--save_dir", str(tmp_path / name)] for name, options in runs
        ]
        (whole, _), (share, said), (rest, also), (other, error) = bdinvert_runs.zplus_each(assets, commands)
        assert (whole, share, rest, other) == (0, 0, 0, 2), error
        assert "1 image, 1 step" in said and "shard 2/2: 1 image" in said
        assert "2 images, 2 steps" in also and "1 of 3 images was finished before" in also
        assert "  - --seed: 1, now 3" in error
        expected, found = files(tmp_path / "whole" / "job"), files(tmp_path / "share" / "job")
        del expected["commandline_args.txt"], found["commandline_args.txt"]  # name the folder
        marks = [name for name in expected if name.startswith(".zplus-finished/")]
        assert len(marks) == 3 and {name: expected.pop(name) for name in marks}
        assert {name: found[name] for name in expected} == expected

    @REAL
    @pytest.mark.parametrize("assets", ["upstream"], indirect=True)
    @pytest.mark.parametrize("noise", ["False", "True"])
    def test_shards_together_and_a_killed_run_are_one_run(
        self, assets: bdinvert_assets.Assets, tmp_path: Path, noise: str
    ) -> None:
        out = tmp_path / "out"
        arguments = [*bdinvert_assets.invert_args(assets, 3), "--randomize_noise", noise, "--save_dir", str(out)]
        command = ["run", "invert.py", *arguments, "--job_name", "job"]
        together([command], assets.cwd, assets.env)
        expected = files(out)
        assert len(expected) == 3 * 6 + 2
        out.rename(tmp_path / "whole")
        shards = [["run", "--shard", f"{number}/2", *command[1:]] for number in (1, 2)]
        said = together(shards, assets.cwd, assets.env)
        assert "2 images, 6 steps" in said[0] and "1 image, 3 steps" in said[1]
        assert files(out) == expected
        out.rename(tmp_path / "shards")
        killed(command, out / "job" / "invert_detailcode" / "crop0.zplus.npz", assets.cwd, assets.env)
        (said,) = together([command], assets.cwd, assets.env)
        assert "1 of 3 images was finished before" in said and "2 images, 6 steps" in said
        assert files(out) == expected


class TestPTI:
    """Its codes, noise and perceptual loss draw from one random stream for all images."""

    def test_shards_together_are_one_run(self, pti_copy: pti_assets.Assets, tmp_path: Path) -> None:
        out = tmp_path / "out"
        whole = run_here(pti_copy, out, *CALL)
        assert whole.exit_code == 0, whole.output[-3000:]
        expected = files(out)
        out.rename(tmp_path / "whole")
        for number in (2, 1):
            torch.seed()  # as every process begins
            done = run_here(pti_copy, out, "--shard", f"{number}/2", *CALL)
            assert done.exit_code == 0 and "1 image, 5 steps" in done.output, done.output[-3000:]
        assert files(out) == expected
        again = run_here(pti_copy, out, *CALL)
        assert again.exit_code == 0 and "2 of 2 images were finished before" in again.output
        refused(run_here(pti_copy, out, *CALL, first_inv_lr=0.1), 2, "  - first_inv_lr: 0.005, now 0.1")

    def test_what_joins_the_images_is_refused(self, pti_copy: pti_assets.Assets, tmp_path: Path) -> None:
        out = tmp_path / "out"
        multi = ("--call", "run_PTI('run', use_multi_id_training=True)", RUN_PTI)
        refused(run_here(pti_copy, out, "--shard", "1/2", *multi), 2, "tuned for all images together")
        local = run_here(pti_copy, out, "--shard", "1/2", *CALL, use_locality_regularization=True)
        refused(local, 2, "--shard 1/2", "counts the steps of all images")

    @REAL
    def test_side_by_side_and_killed(self, prepared_pti: Callable[..., pti_assets.Assets], tmp_path: Path) -> None:
        assets, out = bare(prepared_pti("upstream")), tmp_path / "out"
        command = ["run", *given(assets, out), *CALL]
        together([command], assets.cwd, assets.env)
        expected = files(out)
        out.rename(tmp_path / "whole")
        together([["run", "--shard", f"{n}/2", *command[1:]] for n in (1, 2)], assets.cwd, assets.env)
        assert files(out) == expected
        out.rename(tmp_path / "shards")
        (tuned,) = [out / name for name in expected if name.endswith("_crop0.pt")]
        killed(command, tuned, assets.cwd, assets.env)
        (said,) = together([command], assets.cwd, assets.env)
        assert "1 of 2 images was finished before" in said
        assert files(out) == expected
