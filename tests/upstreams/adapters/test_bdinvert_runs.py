"""BDInvert: runs beside others, interrupted runs, its other scripts, and parity with the authors' fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from support.bdinvert_assets import Assets, invert_args
from support.bdinvert_runs import STEPS, zplus
from support.fork_oracle import ZPLUS, LossRecorder, make_fork, run_fork
from support.outcome import failed, files
from support.pythons import BegunPython
from zplus_plugins import InversionRecord
from zplus_plugins.records.inversion import hash_code
from zplus_plugins.upstreams.results.claims import claimed

# The second picture takes as few steps as the first, and might be finished before the test has seen the first.
STAYS_IN_THE_SECOND_PICTURE = """
import pathlib, time
from torch.optim.optimizer import register_optimizer_step_post_hook

def stay(*step):
    if pathlib.Path({finished!r}).exists():
        pathlib.Path({begun!r}).touch()
        time.sleep(600)

register_optimizer_step_post_hook(stay)
from zplus_plugins.__main__ import main
main()
"""

REAL = pytest.mark.upstream
Prepare = Callable[..., Assets]


@pytest.fixture(params=["standin", pytest.param("upstream", marks=REAL)])
def assets(request: pytest.FixtureRequest, prepared_bdinvert: Prepare) -> Assets:
    return prepared_bdinvert(request.param)


class TestTwoRuns:
    def test_the_same_picture_is_refused_before_work_is_spent(self, assets: Assets, tmp_path: Path) -> None:
        arguments = (*invert_args(assets, STEPS), "--save_dir", tmp_path / "out")
        with claimed([tmp_path / "out"], {"crop1"}):  # as another run does
            done = zplus(assets, "run", "invert.py", *arguments, check=False)
        failed(done, "Another run", "crop1", "another output folder")
        assert not (tmp_path / "out").exists()


class TestOtherScripts:
    """Scripts without a style code run with the patches alone."""

    def test_pca_p_space(self, assets: Assets, tmp_path: Path) -> None:
        arguments = ["--model_name", assets.model_name, "--total_samples_num", "256", "--batch_num", "128"]
        done = zplus(assets, "run", "pca_p_space.py", *arguments, "--save_dir", tmp_path, "--job_name", "p")
        assert {"mean_latent.npy", "eigen_values.npy", "eigen_vectors.npy"} <= set(files(tmp_path / "p"))
        assert "x.T" not in done.stderr

    def test_train_basecode_encoder(self, assets: Assets, tmp_path: Path) -> None:
        arguments = ["--model_name", assets.model_name, "--basecode_spatial_size", assets.base_size]
        small = ["--batch_num", 1, "--epoch_num", 1, "--save_dir", tmp_path, "--job_name", "e"]
        zplus(assets, "run", "train_basecode_encoder.py", *arguments, *small)
        assert "encoder_final.pth" in files(tmp_path / "e")


class TestInterruption:
    """Ctrl-C in the middle."""

    def test_ctrl_c_leaves_nothing_half_written(self, assets: Assets, tmp_path: Path) -> None:
        out, begun = tmp_path / "job", tmp_path / "begun"
        finished = out / "invert_detailcode" / "crop0.zplus.npz"
        arguments = [*invert_args(assets, STEPS), "--save_dir", str(tmp_path), "--job_name", "job"]
        script = (assets.cwd / "invert.py").read_text()
        environment = {**os.environ, **assets.env, "OMP_NUM_THREADS": "1"}
        code = STAYS_IN_THE_SECOND_PICTURE.format(finished=str(finished), begun=str(begun))
        (tmp_path / "said").mkdir()
        run = BegunPython(["-c", code, "run", "invert.py", *arguments], assets.cwd, environment, tmp_path / "said")
        assert run.interrupt(begun) == 130, run.errors[-3000:]
        assert "zplus: interrupted" in run.errors
        assert "Traceback" not in run.errors
        names = {Path(name).name for name in files(out) if "/" in name and not name.startswith(".zplus-finished/")}
        assert names == {"crop0.png", "crop0.npy", "crop0.zplus.npz"}
        assert (assets.cwd / "invert.py").read_text() == script


class TestForkParity:
    """Scripts with z in place of w, from the same start: bit for bit, with the retraction off."""

    @pytest.mark.parametrize(
        ("family", "script", "options", "steps"),
        [
            ("stylegan2", "invert_zp.py", (), 25),
            ("stylegan2", "invert_zp_wo_f.py", ("--without-f",), 25),
            ("stylegan", "invert_zp.py", (), 4),
        ],
    )
    @REAL
    def test_the_authors(
        self,
        prepared_bdinvert: Prepare,
        tmp_path: Path,
        family: str,
        script: str,
        options: tuple[str, ...],
        steps: int,
    ) -> None:
        same_as_the_fork(
            prepared_bdinvert("fork", family), prepared_bdinvert("upstream", family), tmp_path, steps, script, *options
        )

    def test_a_stand_in(self, prepared_bdinvert: Prepare, tmp_path: Path) -> None:
        assets = make_fork(prepared_bdinvert("standin"))
        same_as_the_fork(assets, assets, tmp_path, 3, ZPLUS)


def same_as_the_fork(theirs: Assets, ours: Assets, tmp_path: Path, steps: int, script: str, *options: str) -> None:
    """Invert one image with a script that optimises z, and with ``zplus run invert.py`` from the same start."""
    one = "synthetic/images/crop0.png"
    for assets in (theirs, ours):
        (assets.cwd / "one.list").write_text(one + "\n")
    fork = run_fork(replace(theirs, image_list=theirs.cwd / "one.list"), script, steps, tmp_path / "fork")
    assert len(fork.losses) == steps
    assert fork.starts[0].shape[0] > 1
    recorder, out = LossRecorder(tmp_path / "losses.txt"), tmp_path / "ours"
    start = sorted((tmp_path / "fork" / "starts").glob("*.npy"))[0]
    mine = replace(ours, image_list=ours.cwd / "one.list", env={**ours.env, **recorder.env})
    arguments = [*invert_args(mine, steps), "--save_dir", tmp_path, "--job_name", out.name]
    zplus(mine, "run", "--init", start, "--retract", "never", "--ops", "upstream", *options, "invert.py", *arguments)
    assert recorder.losses() == fork.losses
    record = InversionRecord.load(out / "invert_detailcode" / "crop0.zplus.npz")
    assert np.array_equal(record.z[0], np.load(fork.outputs / "invert_detailcode" / "crop0.npy"))
    assert record.provenance.init == f"file {hash_code(fork.starts[0][None])[:16]}"
    if not options:
        base_codes = [np.load(folder / "invert_basecode" / "crop0.npy") for folder in (out, fork.outputs)]
        assert np.array_equal(*base_codes)
    for kind, levels in (("target_images", 0), ("invert_results", 1)):  # the last image is made from the saved F
        images = [cv2.imread(str(folder / kind / "crop0.png")).astype(int) for folder in (out, fork.outputs)]
        assert np.abs(images[0] - images[1]).max() <= levels
        assert np.count_nonzero(images[0] - images[1]) <= 5
