"""HFGI3D, bad input: one message and the right status, before work is spent. In this process, which is faster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from support import generator_files as files_of
from support.hfgi3d_assets import NAMES, SCRIPT, Assets, given, write_config, write_python
from support.outcome import files, refused
from zplus_plugins.cli.main import main

# Upstreams and their libraries warn; their warnings are not ours to judge.
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(
    request: pytest.FixtureRequest,
    prepared_hfgi3d: Callable[[str], Assets],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Assets]:
    """A copy of a prepared repository that a test may spoil; the current folder is that of its scripts."""
    prepared = prepared_hfgi3d(request.param)
    root = Path(shutil.copytree(prepared.root, tmp_path / "repository"))
    for name in ("TORCH_HOME", "MPLBACKEND", "DNNLIB_CACHE_DIR"):
        monkeypatch.setenv(name, prepared.env[name])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "")
    monkeypatch.setenv("PATH", str(prepared.python), prepend=os.pathsep)
    monkeypatch.syspath_prepend(prepared.env["PYTHONPATH"].split(os.pathsep)[0])
    monkeypatch.chdir(root / "inversion" / "scripts")
    generator = root / prepared.generator.relative_to(prepared.root)
    yield replace(prepared, root=root, generator=generator, images=root / "synthetic")


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Path]:
    """A folder for results, in which nothing must have been written."""
    yield tmp_path / "out"
    assert not (tmp_path / "out").exists()


def run(assets: Assets, out: Path, *options: str, **config: object) -> Any:
    path = write_config(assets, out, **config)
    return CliRunner().invoke(main, ["run", *given(), *options, SCRIPT, str(path)])


def test_a_dry_run_checks_all_and_writes_nothing(assets: Assets, out: Path) -> None:
    before = files(assets.root)
    done = run(assets, out, "--dry-run")
    assert done.exit_code == 0, done.output
    after = files(assets.root)
    assert {name for name in after if "__pycache__" not in name} == {n for n in before if "__pycache__" not in n}
    assert after["example_configs/config.py"] == before["example_configs/config.py"]
    done = CliRunner().invoke(main, ["check", SCRIPT])
    assert done.exit_code == 0, done.output


def test_the_configuration(assets: Assets, out: Path, tmp_path: Path) -> None:
    before = (assets.root / "example_configs" / "config.py").read_bytes()
    broken, little = tmp_path / "broken.py", tmp_path / "little.py"
    broken.write_text("name = \n")
    little.write_text("name = 'a1'\n")
    cases = {
        (): ("needs a configuration", "config_00001.py"),
        ("absent.py",): ("absent.py",),
        (str(broken),): (str(broken), "Python"),
        (str(little),): (str(little), "stylegan2_ada_ffhq, checkpoints_dir"),
    }
    for arguments, messages in cases.items():
        refused(CliRunner().invoke(main, ["run", SCRIPT, *arguments]), 2, *messages)
    assert (assets.root / "example_configs" / "config.py").read_bytes() == before


def test_settings(assets: Assets, out: Path, tmp_path: Path) -> None:
    for text, message in {
        "first_inv_type=w+": "first_inv_type is 'w+'",
        "pt_l2_lambda=0": "pt_l2_lambda is 0",
        "use_locality_regularization=True": "use_locality_regularization is True",
        "max_pti_step=3": "max_pti_steps",
    }.items():
        words = [word for word in given() if word.rpartition(".")[2].split("=")[0] != text.split("=")[0]]
        config = str(write_config(assets, out))
        done = CliRunner().invoke(main, ["run", *words, f"--set=configs.hyperparameters.{text}", SCRIPT, config])
        refused(done, 2, message)
    boundaries = tmp_path / "boundaries"
    boundaries.mkdir()
    np.save(boundaries / "smile.npy", np.zeros(512))
    refused(run(assets, out, boundaries_dir=str(boundaries)), 1, str(boundaries / "smile.npy"), "zplus edit")


def test_the_generator_s_pickle(assets: Assets, out: Path) -> None:
    refused(run(assets, out, stylegan2_ada_ffhq="absent.pkl"), 1, "absent.pkl", "ffhq512-128.pkl")
    whole = assets.generator.read_bytes()
    for content, problem in {b"": "is empty", whole[:1000]: "truncated", b"<html>sorry</html>": "a web page"}.items():
        assets.generator.write_bytes(content)
        refused(run(assets, out), 1, problem, "ffhq512-128.pkl")
    files_of.write_pickle(files_of.nvlabs(files_of.trained(files_of.SMALL)), assets.generator)
    refused(run(assets, out), 1, "StyleGAN2", "G_ema", "TriPlaneGenerator")


def test_images_and_poses(assets: Assets, out: Path) -> None:
    first = assets.images / f"{NAMES[0]}.png"
    pose = first.with_suffix(".npy")
    whole, camera = first.read_bytes(), pose.read_bytes()
    refused(run(assets, out, name="nobody"), 1, ".jpg", "nobody")
    refused(run(assets, out, input_data_path="../../nowhere/"), 1, ".jpg", "nowhere")
    first.write_bytes(whole[:200])
    refused(run(assets, out), 1, first.name, "cannot be read")
    Image.new("RGB", (48, 48)).save(first)
    refused(run(assets, out), 1, first.name, "48 x 48 pixels")
    first.write_bytes(whole)
    np.save(pose, np.zeros((4, 4), np.float32))
    refused(run(assets, out), 1, pose.name, "(4, 4)", "(25,)")
    pose.write_bytes(b"no array")
    refused(run(assets, out), 1, pose.name, "cannot be read")
    pose.unlink()
    refused(run(assets, out), 1, pose.name, "No such file or directory", "extract_pose.py")
    pose.write_bytes(camera)
    Image.open(first).save(first.with_name(f"{NAMES[0]}b.jpeg"))
    refused(run(assets, out), 1, f"{NAMES[0]}b.jpeg", ".png and .jpg")


def test_places_for_results(assets: Assets, out: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(
        run(assets, out, checkpoints_dir=str(tmp_path / "file" / "x")),
        1,
        str(tmp_path / "file" / "x"),
        f"{tmp_path / 'file'} is a file",
    )


def test_what_the_views_take(assets: Assets, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(run(assets, out, multi_views_output_dir="a b"), 2, "multi_views_output_dir is 'a b'", "shell")
    path = os.environ["PATH"]
    pythons = {
        "pytorch3d, trimesh": write_python(tmp_path / "poor", absent=("pytorch3d", "trimesh")),
        "needs CUDA": write_python(tmp_path / "slow", cuda=False),
    }
    for message, python in pythons.items():
        monkeypatch.setenv("PATH", f"{python}{os.pathsep}{path}")
        refused(run(assets, out), 1, message, "--without-multi-views")
    (pythons["needs CUDA"] / "python").write_text("#!/bin/sh\nexit 1\n")
    refused(run(assets, out), 1, str(pythons["needs CUDA"]), "does not work")
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    refused(run(assets, out), 1, "python, which was not found")
    done = run(assets, out, "--dry-run", "--without-multi-views")
    assert done.exit_code == 0, done.output
