"""The Feature-Style Encoder in F/Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the real checkout."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from support.fse_assets import (
    INVERT,
    VIDEO,
    Assets,
    checkout_of,
    invert_args,
    oracle_env,
    prepare,
    run_script,
    video_args,
)
from support.outcome import files, refused
from support.pythons import BegunPython
from zplus_plugins import InversionRecord
from zplus_plugins.cli.main import main


@pytest.fixture(scope="module", params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Assets:
    """A prepared repository, to be read only."""
    return prepare(tmp_path_factory.mktemp("fse"), checkout_of(request.param))


def zplus(assets: Assets, tmp_path: Path, options: list[str], script: str, arguments: list[str]) -> dict[str, Any]:
    """A run through the command line: its summary, and under ``"codes"`` what its generator was given."""
    place, codes = tmp_path / "summary.json", tmp_path / "codes"
    codes.mkdir()
    command = ["zplus_plugins", "run", "--summary", str(place), *options, script, *arguments]
    env = {"ZPLUS_TEST_SEED": "3", "ZPLUS_TEST_CODES": str(codes)}
    done = run_script(assets, "-m", command, env)
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(place.read_text())
    return {**found, "codes": [np.load(path) for path in sorted(codes.iterdir())]}


def mapped(assets: Assets, z: np.ndarray[Any, Any], folder: Path) -> np.ndarray[Any, Any]:
    """What the upstream's own mapping network makes of z, in a process without this package."""
    np.save(folder / "z.npy", z[0])
    code = (
        "import sys, numpy, torch; sys.path[:0] = ['.', 'pixel2style2pixel']; from trainer import *; "
        "G = Trainer.init_stylegan(None, {}); "
        "state = torch.load('pixel2style2pixel/pretrained_models/psp_ffhq_encode.pt'); "
        f"G.load_state_dict(get_keys(state, 'decoder')); z = torch.from_numpy(numpy.load({str(folder / 'z.npy')!r})); "
        f"numpy.save({str(folder / 'w.npy')!r}, G.get_latent(z).detach().numpy()[None])"
    )
    done = run_script(assets, "-c", [code], oracle_env())
    assert done.returncode == 0, done.stderr[-3000:]
    w: np.ndarray[Any, Any] = np.load(folder / "w.npy")
    return w


class TestInversion:
    """test.py: the encoder's code is projected, and F stays what it is."""

    def test_every_picture_gets_its_record(self, assets: Assets, tmp_path: Path) -> None:
        found = zplus(assets, tmp_path, ["--ops", "upstream"], INVERT, invert_args(assets, tmp_path / "out"))
        assert (found["images"], found["estimates"], found["steps"], found["unmatched"]) == (2, 2, 0, [])
        assert set(files(tmp_path / "out")) == {"crop0.jpg", "crop0.zplus.npz", "crop1.png", "crop1.zplus.npz"}
        assert len(found["codes"]) == 2
        for code, name in zip(found["codes"], ("crop0", "crop1"), strict=True):
            record = InversionRecord.load(tmp_path / "out" / f"{name}.zplus.npz")
            record.require_code(code, name)  # bit for bit what the generator was given
            assert record.z.shape == (1, assets.num_ws, assets.w_dim)
            assert record.latent("cpu", name).sphere_error() <= 1e-5
            provenance = record.provenance
            assert (provenance.latent, provenance.init, provenance.steps, provenance.with_f) == (
                "zplus",
                "project",
                0,
                True,
            )
        assert np.array_equal(mapped(assets, record.z, tmp_path), code)

    def test_off_is_the_untouched_upstream_byte_for_byte(self, assets: Assets, tmp_path: Path) -> None:
        done = run_script(assets, INVERT, invert_args(assets, tmp_path / "untouched"), oracle_env())
        assert done.returncode == 0, done.stderr[-3000:]
        off = zplus(assets, tmp_path, ["--latent", "off"], INVERT, invert_args(assets, tmp_path / "off"))
        assert off["estimates"] == 0
        assert len(files(tmp_path / "off")) == 2
        assert files(tmp_path / "off") == files(tmp_path / "untouched")

    @pytest.mark.upstream
    def test_ctrl_c_leaves_whole_files_only(self, assets: Assets, tmp_path: Path) -> None:
        many, out = tmp_path / "many", tmp_path / "out"
        many.mkdir()
        for number in range(50):
            shutil.copy(assets.images / "crop0.jpg", many / f"{number:02d}.jpg")
        arguments = ["--input_path", f"{many}/", "--save_path", f"{out}/"]
        (tmp_path / "said").mkdir()
        environment = {**os.environ, **assets.env, "OMP_NUM_THREADS": "1"}
        command = ["-m", "zplus_plugins", "run", INVERT, *arguments]
        run = BegunPython(command, assets.root, environment, tmp_path / "said")
        assert run.interrupt(out / "00.zplus.npz") == 130, run.errors[-3000:]
        assert "zplus: interrupted" in run.errors
        assert "Traceback" not in run.errors
        left = sorted(files(out))
        assert {path.removesuffix(".zplus.npz").removesuffix(".jpg") for path in left} < {f"{n:02d}" for n in range(50)}
        for path in left:
            if path.endswith(".jpg"):
                Image.open(out / path).load()
            else:
                InversionRecord.load(out / path)


class TestVideo:
    """video_processing.py: the code of every frame is projected, and moves on the hypersphere."""

    @pytest.mark.parametrize("alpha", [pytest.param(0, marks=pytest.mark.upstream), 1])
    def test_frames_are_edited(self, assets: Assets, tmp_path: Path, alpha: int) -> None:
        out = tmp_path / "out" / "clip"
        (out / "clip_crop_align").mkdir(parents=True)
        shutil.copy(assets.images / "crop0.jpg", out / "clip_crop_align")
        found = zplus(assets, tmp_path, [], VIDEO, video_args("latent_manipulation", out.parent, alpha=alpha))
        assert (found["estimates"], found["records"]) == (1, [])
        assert set(files(out / "clip_crop_align_Toy")) == {"frame0000.jpg"}
        start, moved, again = found["codes"]
        assert np.array_equal(moved, again)
        assert np.array_equal(moved, start) is (alpha == 0)
        # At five distances, of which the script takes the last.
        wanted = [edit["wanted"] > 0 for edit in found["edits"]]
        assert wanted == [bool(alpha), bool(alpha), False, bool(alpha), bool(alpha)]
        assert max(edit["sphere_error"] for edit in found["edits"]) <= 1e-5
        assert all(edit["gain"] > 0.3 and edit["residual"] < edit["wanted"] for edit in found["edits"] if edit["gain"])

    @pytest.mark.upstream
    def test_off_is_the_untouched_upstream(self, assets: Assets, tmp_path: Path) -> None:
        outputs = []
        for name in ("untouched", "off"):
            out = tmp_path / name
            shutil.copytree(assets.images, out / "clip" / "clip_crop_align")
            arguments = video_args("latent_manipulation", out, alpha=1)
            if name == "off":
                zplus(assets, tmp_path, ["--latent", "off"], VIDEO, arguments)
            else:
                done = run_script(assets, VIDEO, arguments, oracle_env())
                assert done.returncode == 0, done.stderr[-3000:]
            outputs.append(files(out))
        assert outputs[0] == outputs[1]
        assert len(outputs[0]) == 4


# The upstream and its libraries warn; their warnings are not ours to judge.
@pytest.mark.filterwarnings("default")
class TestWithoutWork:
    """What is said before work is spent, in this process, which is faster."""

    @pytest.fixture(autouse=True)
    def here(self, assets: Assets, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """In the repository's folder; the random streams stay as they are."""
        monkeypatch.setenv("TORCH_HOME", assets.env["TORCH_HOME"])
        monkeypatch.chdir(assets.root)
        streams = random.getstate(), np.random.get_state(), torch.get_rng_state()
        yield
        torch.autograd.set_detect_anomaly(False)
        random.setstate(streams[0])
        np.random.set_state(streams[1])
        torch.set_rng_state(streams[2])

    def test_check_and_dry_run(self, assets: Assets, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        checked = CliRunner().invoke(main, ["check", INVERT])
        assert checked.exit_code == 0, checked.output
        assert "missing" not in checked.output
        assert "trainer:Trainer.encode" in checked.output
        for script, arguments in (
            (INVERT, invert_args(assets, tmp_path / "out")),
            (VIDEO, video_args("compare_frames", tmp_path / "out")),
        ):
            done = CliRunner().invoke(main, ["run", "--dry-run", script, *arguments])
            assert done.exit_code == 0, done.output
            assert "\nready " in done.output
        assert not files(tmp_path)

    def test_bad_input(self, assets: Assets, tmp_path: Path) -> None:
        out, encoder = tmp_path / "out", assets.root / "pretrained_models" / "143_enc.pth"
        for folder in ("empty", "grey", "text"):
            (tmp_path / folder).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / "grey" / "a.png")
        (tmp_path / "text" / "a.jpg").write_text("no picture")
        (tmp_path / "file").write_text("")
        (tmp_path / "broken.pt").write_bytes(encoder.read_bytes()[:5000])
        torch.save({"latent_avg": torch.zeros(4, assets.w_dim)}, tmp_path / "small.pt")
        np.save(tmp_path / "Wide_boundary.npy", np.zeros((1, 7), np.float32))
        cases: list[tuple[str, list[str], int, str]] = [
            (INVERT, ["--config", "143"], 2, "configurations: 001"),
            (INVERT, ["--pretrained_model_path", "absent.pth"], 1, "absent.pth"),
            (INVERT, ["--stylegan_model_path", str(encoder)], 1, "expected latent_avg"),
            (INVERT, ["--stylegan_model_path", str(tmp_path / "small.pt")], 1, "small.pt has 4 style codes"),
            (INVERT, ["--arcface_model_path", str(tmp_path / "broken.pt")], 1, f"{tmp_path}/broken.pt"),
            (INVERT, ["--parsing_model_path", str(encoder)], 1, "expected cp.resnet.conv1.weight"),
            (INVERT, ["--input_path", str(assets.images)], 2, f"Give {assets.images}/"),
            (INVERT, ["--input_path", f"{tmp_path}/empty/"], 1, "*.jpg, *.png"),
            (INVERT, ["--input_path", f"{tmp_path}/grey/"], 1, "grey/a.png has mode L"),
            (INVERT, ["--input_path", f"{tmp_path}/text/"], 1, "text/a.jpg"),
            (INVERT, ["--save_path", f"{tmp_path}/file/"], 1, f"{tmp_path}/file"),
            (VIDEO, ["--function", ""], 2, "function is ''"),
            (VIDEO, ["--alpha", "1."], 2, "--alpha 1."),
            (VIDEO, ["--attr", "Nose"], 1, "Nose_boundary.npy"),
            (VIDEO, ["--boundary_path", f"{tmp_path}/", "--attr", "Wide"], 1, "Wide_boundary.npy has shape (1, 7)"),
            (VIDEO, ["--video_path", "other.mp4"], 1, "--function align_frames"),
            (VIDEO, ["--function", "align_frames"], 1, "face_alignment"),
        ]
        shutil.copytree(assets.images, out / "clip" / "clip_crop_align")
        before = files(tmp_path)
        for script, extra, status, message in cases:
            arguments = (
                invert_args(assets, tmp_path / "new") if script == INVERT else video_args("latent_manipulation", out)
            )
            refused(CliRunner().invoke(main, ["run", script, *arguments, *extra]), status, message)
        assert files(tmp_path) == before
