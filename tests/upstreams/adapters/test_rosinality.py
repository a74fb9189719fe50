"""rosinality's stylegan2-pytorch in Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the checkout."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from support.outcome import files, refused
from support.rosinality_assets import LAYERS, SIZE, STEPS, Assets, checkout_of, prepare, project, run, zplus
from zplus_plugins import InversionRecord
from zplus_plugins.adapters.needs.rosinality import FITS, GENERATOR

PICTURES = ("first.png", "second.png")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Assets]:
    return functools.cache(lambda kind: prepare(tmp_path_factory.mktemp(kind), checkout_of(kind)))


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(request: pytest.FixtureRequest, prepared: Callable[[str], Assets]) -> Assets:
    return prepared(request.param)


def mapped(assets: Assets, z: np.ndarray[Any, Any], folder: Path) -> np.ndarray[Any, Any]:
    """The styles of codes (N, 512) by the repository's own generator, in a process without this package."""
    np.save(folder / "z.npy", z)
    checkpoint = str(assets.work / "generator.pt")
    code = (
        f"import sys; sys.path.insert(0, {str(assets.root)!r}); import numpy, torch; from model import Generator; "
        f"g = Generator({SIZE}, 512, 8); g.load_state_dict(torch.load({checkpoint!r})['g_ema']); "
        "w = g.style(torch.from_numpy(numpy.load('z.npy'))); numpy.save('w.npy', w.detach().numpy())"
    )
    done = run(assets, folder, ["-c", code], ZPLUS_TEST_CPU="1")
    assert done.returncode == 0, done.stderr[-3000:]
    found: np.ndarray[Any, Any] = np.load(folder / "w.npy")
    return found


class TestProjector:
    """projector.py: every picture of a run at once."""

    @pytest.mark.parametrize(
        ("latent", "w_plus", "codes"),
        [("zplus", True, LAYERS), ("z", False, 1)],
    )
    def test_every_picture_has_a_record(
        self, assets: Assets, tmp_path: Path, latent: str, w_plus: bool, codes: int
    ) -> None:
        out = tmp_path / "out"
        out.mkdir()
        summary = tmp_path / "summary.json"
        zplus(assets, out, "--latent", latent, "--summary", summary, *project(assets, *PICTURES, w_plus=w_plus))
        found = json.loads(summary.read_text())
        assert (found["images"], found["steps"], found["retractions"]) == (2, STEPS, STEPS)
        assert found["max_sphere_error"] <= 1e-5
        names = {"first.pt", "first-project.png", "second-project.png"}
        assert set(files(out)) == names | {"first-first.zplus.npz", "first-second.zplus.npz"}
        results = torch.load(out / "first.pt", weights_only=True)
        assert list(results) == [str(assets.work / name) for name in PICTURES]
        records = [InversionRecord.load(out / f"first-{name}.zplus.npz") for name in ("first", "second")]
        z = np.concatenate([record.z for record in records])
        assert z.shape == (2, codes, 512)
        assert np.abs(np.linalg.norm(z, axis=-1) - 512**0.5).max() <= 1e-5
        w = mapped(assets, z.reshape(-1, 512), tmp_path).reshape(2, codes, 512)
        for i, (result, record) in enumerate(zip(results.values(), records, strict=True)):
            assert np.array_equal(result["latent"].detach().numpy(), w[i] if w_plus else w[i, 0])
            assert record.w is not None
            assert np.array_equal(record.w[0], np.broadcast_to(w[i], (LAYERS, 512)))
        assert not np.array_equal(w[0], w[1])

    def test_off_is_the_untouched_upstream_byte_for_byte(self, assets: Assets, tmp_path: Path) -> None:
        """The stream is seeded from outside: the script does not."""
        for name in ("untouched", "off"):
            (tmp_path / name).mkdir()
        words = project(assets, *PICTURES)
        done = run(assets, tmp_path / "untouched", words, ZPLUS_TEST_CPU="1", ZPLUS_TEST_SEED="0")
        assert done.returncode == 0, done.stderr[-3000:]
        zplus(assets, tmp_path / "off", "--latent", "off", *words, ZPLUS_TEST_SEED="0")
        assert len(files(tmp_path / "untouched")) == 3
        assert files(tmp_path / "off") == files(tmp_path / "untouched")

    @pytest.mark.parametrize("where", ["backward", "save"])
    def test_ctrl_c_leaves_nothing(self, assets: Assets, tmp_path: Path, where: str) -> None:
        """In the steps, and between the pictures and the codes, which would leave results without one."""
        done = zplus(assets, tmp_path, *project(assets, "first.png"), check=False, ZPLUS_TEST_CTRL_C=where)
        assert done.returncode == 130, done.stderr[-3000:]
        assert "zplus: interrupted" in done.stderr
        assert "Traceback" not in done.stderr
        assert files(tmp_path) == {}


class TestBadInput:
    """One message, before anything is loaded, and nothing is overwritten."""

    def refuse(self, assets: Assets, folder: Path, status: int, words: list[str], *parts: str) -> None:
        before = files(folder)
        refused(zplus(assets, folder, *words, check=False), status, *parts)
        assert files(folder) == before

    def test_options(self, assets: Assets, tmp_path: Path) -> None:
        words = project(assets, "first.png", w_plus=False, step=99)
        self.refuse(assets, tmp_path, 2, words, "w_plus is False", "--latent z", "step is 99", "100th")

    def test_files(self, assets: Assets, tmp_path: Path) -> None:
        (tmp_path / "broken.png").write_bytes((assets.work / "first.png").read_bytes()[:99])
        pictures = ("first.png", tmp_path / "absent.png", tmp_path, tmp_path / "broken.png")
        words = project(assets, *pictures, ckpt="absent.pt")
        parts = ("4 requirements", "absent.pt", "absent.png", f"{tmp_path} is a folder", "broken.png")
        self.refuse(assets, tmp_path, 1, words, *parts)

    def test_a_checkpoint_must_be_what_the_script_builds(self, assets: Assets, tmp_path: Path) -> None:
        """It loads with ``strict=False``, and leaves random what it does not find."""
        state = torch.load(assets.work / "generator.pt", weights_only=True, map_location="cpu")["g_ema"]
        shapes = {name: torch.zeros(()).expand(value.shape) for name, value in state.items()}
        of_64 = {
            **shapes,
            "to_rgbs.3.bias": torch.zeros(1, 3, 1, 1),
            "to_rgbs.3.conv.weight": torch.zeros(1, 3, 256, 1, 1),
        }
        seven = {name: value for name, value in shapes.items() if not name.startswith("style.8")}
        contents: list[tuple[tuple[str, ...], object, int]] = [
            ((), {"g_ema": shapes}, SIZE),
            (("expected g_ema", "found g"), {"g": shapes}, SIZE),
            (("no generator", "g_ema"), {"g_ema": {"weight": torch.zeros(2)}}, SIZE),
            (("7 layers", "8 of 512"), {"g_ema": seven}, SIZE),
            (("16 x 16 pixels", "64", "--size 16"), {"g_ema": shapes}, 64),
            (("channel multiplier of 1;", "2."), {"g_ema": of_64}, 64),
        ]
        for parts, content, size in contents:
            torch.save(content, tmp_path / "other.pt")
            arguments = {"ckpt": str(tmp_path / "other.pt"), "size": size}
            found = GENERATOR.check(arguments) or FITS.check(arguments)
            assert [finding.kind for finding in found] == (["missing"] if parts else [])
            assert not [part for finding in found for part in parts if part not in finding.text], found
        words = project(assets, "first.png", ckpt=tmp_path / "other.pt")
        self.refuse(assets, tmp_path, 1, words, "64 x 64 pixels")

    def test_what_would_be_overwritten(self, assets: Assets, tmp_path: Path) -> None:
        """Results are named by the pictures, in the current folder, where their inputs may lie."""
        shutil.copy(assets.work / "generator.pt", tmp_path / "first.pt")
        shutil.copy(assets.work / "first.png", tmp_path / "first-project.png")
        words = project(assets, "first.png", ckpt="first.pt")
        self.refuse(assets, tmp_path, 1, words, "first.pt, which it reads")
        words = project(assets, "first.png", tmp_path / "first-project.png")
        self.refuse(assets, tmp_path, 1, words, "first.pt, which it did not write", "first-project.png, which it reads")


def test_what_is_known_before_a_run(assets: Assets, tmp_path: Path) -> None:
    torch.save({"a.png": {"img": torch.zeros(1), "latent": torch.zeros(1), "noise": []}}, tmp_path / "first.pt")
    (tmp_path / "other").mkdir()
    Image.new("RGB", (20, 20)).save(tmp_path / "other" / "first.png")
    before = files(tmp_path)
    words = project(assets, "first.png", tmp_path / "other" / "first.png")
    done = zplus(assets, tmp_path, "--dry-run", *words)
    lines = (done.stderr + done.stdout).splitlines()
    assert any("earlier run" in line and "first.pt" in line for line in lines), lines
    assert any("first-project.png" in line and str(tmp_path / "other") in line for line in lines), lines
    assert "\nready " in done.stdout
    assert files(tmp_path) == before


def test_the_other_scripts_run(assets: Assets, tmp_path: Path) -> None:
    checkpoint, size = assets.work / "generator.pt", ("--size", SIZE)
    zplus(assets, tmp_path, assets.root / "closed_form_factorization.py", checkpoint)
    zplus(assets, tmp_path, assets.root / "apply_factor.py", *size, "--ckpt", checkpoint, "-n", 2, "factor.pt")
    zplus(assets, tmp_path, assets.root / "generate.py", *size, "--ckpt", checkpoint, "--pics", 2)
    pictures = {"factor_index-0_degree-5.png", "sample/000000.png", "sample/000001.png"}
    assert set(files(tmp_path)) == {"factor.pt", *pictures}


def test_check(assets: Assets) -> None:
    done = run(assets, assets.root, ["-m", "zplus_plugins", "check", "projector.py"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "missing" not in done.stdout
    assert "incompatible" not in done.stdout and "\nfits" in done.stdout


@pytest.mark.upstream
def test_the_real_checkout_is_the_tested_one() -> None:
    folder = checkout_of("upstream")
    done = subprocess.run(
        [sys.executable, "-m", "zplus_plugins", "check", "projector.py"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "fits as tested" in done.stdout
