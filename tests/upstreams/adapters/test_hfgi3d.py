"""HFGI3D in Z+: the same tests on the stand-in and, with ZPLUS_UPSTREAMS, on the checkout and the authors' fork."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from support.hfgi3d_assets import (
    NAMES,
    SCRIPT,
    STEPS,
    Assets,
    given,
    pivot,
    run,
    seeded,
    summary,
    untouched,
    write_config,
    write_python,
    zplus,
)
from support.outcome import files, refused
from support.patching import applied
from support.pythons import BegunPython
from zplus_plugins import InversionRecord
from zplus_plugins.adapters.needs.hfgi3d import TURTLE
from zplus_plugins.errors import RequirementError

Prepare = Callable[[str], Assets]
REAL = [pytest.param(kind, marks=pytest.mark.upstream) for kind in ("upstream", "fork")]
UNFORKED = pytest.mark.parametrize("kind", ["standin", REAL[0]])


@pytest.fixture(params=["standin", *REAL])
def assets(request: pytest.FixtureRequest, prepared_hfgi3d: Prepare) -> Assets:
    return prepared_hfgi3d(request.param)


def mapped(assets: Assets, code: Path, tmp_path: Path) -> tuple[float, float]:
    """How far the saved w is from map(z): with the projector's label, and with another one.

    The map is made by the upstream's own classes, in a process without this package.
    """
    np.save(tmp_path / "z.npy", InversionRecord.load(code.with_suffix(".zplus.npz")).z)
    lines = [
        "import sys, pickle, numpy as np, torch; sys.path[:0] = ['..']",
        "from camera_utils import LookAtPoseSampler",
        f"G = pickle.load(open({str(assets.generator)!r}, 'rb'))['G_ema']",
        f"z, w = torch.from_numpy(np.load({str(tmp_path / 'z.npy')!r}))[0], torch.load({str(code)!r})",
        f"pose = torch.from_numpy(np.load({str(assets.images / code.parent.name)!r} + '.npy'))[None]",
        "camera = LookAtPoseSampler.sample(np.pi / 2, np.pi / 2, torch.tensor([0, 0, 0.2]), radius=2.7)",
        "label = torch.cat([camera.reshape(1, 16), pose[:, 16:]], 1)",
        "map = lambda c: G.mapping(z, c.expand(len(z), -1)).diagonal(dim1=0, dim2=1).T[None]",
        "print(float((map(label) - w).abs().max()), float((map(pose) - w).abs().max()))",
    ]
    done = run(assets, ["-c", "\n".join(lines)], {"ZPLUS_TEST_CPU": "1", "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    right, wrong = map(float, done.stdout.split()[-2:])
    return right, wrong


def without_caches(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(folder).items() if "__pycache__" not in name}


def test_codes_records_and_both_tunings(assets: Assets, tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = without_caches(assets.root)
    zplus(assets, out)
    assert without_caches(assets.root) == before
    found = summary(out)
    assert (found["images"], found["steps"], found["retractions"]) == (2, 2 * STEPS, 2 * STEPS)
    assert found["max_sphere_error"] <= 1e-5
    assert (found["unmatched"], found["reused"]) == ([], [])
    for name in NAMES:
        w = torch.load(pivot(out, name), weights_only=True)
        assert w.shape[:2] == (1, assets.num_ws)
        assert not w.requires_grad
        record = InversionRecord.load(pivot(out, name).with_suffix(".zplus.npz"))
        record.require_code(w.numpy(), pivot(out, name))
        assert record.z.shape[:2] == (1, assets.num_ws)
        assert record.latent("cpu", name).sphere_error() <= 1e-5
        assert record.provenance.steps == STEPS
        # by the script's two parts
        assert len(list((out / "checkpoints").glob(f"model_*_{name}.pt"))) == 2
    right, wrong = mapped(assets, pivot(out, NAMES[1]), tmp_path)  # whose camera is not in front
    assert right == 0
    assert wrong > 1e-4


# The fork itself cannot be imported.
@UNFORKED
def test_off_is_the_untouched_upstream_byte_for_byte(prepared_hfgi3d: Prepare, tmp_path: Path, kind: str) -> None:
    assets = prepared_hfgi3d(kind)
    copied = assets.root / "example_configs" / "config.py"
    before = copied.read_bytes()
    results = {}
    out = tmp_path / "out"  # one name, which the generators' files hold
    config = write_config(assets, out, optimization=False)
    done = untouched(assets, config, max_images_to_invert=1)
    assert done.returncode == 0, done.stderr[-3000:]
    assert copied.read_bytes() == config.read_bytes()  # what it does to the checkout, and a run of ours does not
    copied.write_bytes(before)
    results["untouched"] = files(Path(out.rename(tmp_path / "untouched")))
    zplus(assets, out, "--latent", "off", env=seeded(cpu=False), config=config, max_images_to_invert=1)
    results["off"] = files(out)
    assert len(results["off"]) > 35
    assert results["off"] == results["untouched"]
    assert copied.read_bytes() == before


@UNFORKED
def test_after_a_failure_of_the_views_a_run_goes_on_from_its_codes(
    prepared_hfgi3d: Prepare, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    poor = replace(prepared_hfgi3d(kind), python=write_python(tmp_path / "bin", views="sys.exit(3)"))
    done = zplus(poor, out, check=False, max_images_to_invert=1)
    refused(done, 1, "generate_multi_views.py", "status 3", "--without-multi-views")
    code, left = pivot(out, NAMES[0]), without_caches(out)
    assert not (out / "views").exists()
    zplus(poor, out, "--without-multi-views", max_images_to_invert=1, use_last_w_pivots=True)
    assert (summary(out)["images"], summary(out)["steps"], summary(out)["reused"]) == (1, 0, [str(code)])
    for path in (code, code.with_suffix(".zplus.npz")):
        assert path.read_bytes() == left[str(path.relative_to(out))]


@pytest.mark.parametrize("kind", REAL[1:])
def test_in_z(prepared_hfgi3d: Prepare, tmp_path: Path, kind: str) -> None:
    out, assets = tmp_path / "out", prepared_hfgi3d(kind)
    zplus(assets, out, "--latent", "z", "--without-multi-views", max_images_to_invert=1)
    assert (summary(out)["images"], summary(out)["retractions"]) == (1, STEPS)
    assert InversionRecord.load(pivot(out, NAMES[0]).with_suffix(".zplus.npz")).z.shape[:2] == (1, 1)


def test_the_fork_s_projector_is_not_missed(prepared_hfgi3d: Prepare, tmp_path: Path) -> None:
    """Its settings ask for it, its coach imports it, and it was never published."""
    given_to = prepared_hfgi3d("standin")
    root = Path(shutil.copytree(given_to.root, tmp_path / "repository"))
    coach, settings = (
        root / "inversion" / path for path in ("training/coaches/base_coach.py", "configs/hyperparameters.py")
    )
    coach.write_text(coach.read_text().replace("import w_plus_projector", "import w_plus_projector, z_plus_projector"))
    settings.write_text(settings.read_text().replace('"w"', '"z+"'))
    fork, out = replace(given_to, root=root, cwd=root / "inversion" / "scripts"), tmp_path / "out"
    words = [word for word in given(max_images_to_invert=1) if "first_inv_type" not in word]
    config = str(write_config(fork, out))
    command = ["-m", "zplus_plugins", "run", *words]
    done = run(fork, [*command, "--latent", "off", SCRIPT, config], {})
    refused(done, 2, "first_inv_type is 'z+'", "hyperparameters.first_inv_type=w")
    done = run(fork, [*command, "--latent", "z", "--without-multi-views", SCRIPT, config], {})
    assert done.returncode == 0, done.stderr[-3000:]
    assert InversionRecord.load(pivot(out, NAMES[0]).with_suffix(".zplus.npz")).z.shape == (1, 1, 8)


def test_the_renderer_s_turtle_needs_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "turtle", None)  # as where tkinter is not installed
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "_tkinter" else find(name, *rest)
    )
    with pytest.raises(ImportError):
        importlib.import_module("turtle")
    with applied(TURTLE):
        turtle: Any = importlib.import_module("turtle")
        with pytest.raises(RequirementError, match="tkinter"):
            turtle.pd()
    with pytest.raises(ImportError):
        importlib.import_module("turtle")


class TestInterruption:
    """What remains is whole."""

    def interrupted(self, assets: Assets, out: Path, begun: Path, **hyperparameters: object) -> None:
        """Press Ctrl-C once ``begun`` exists: the whole group of processes gets it."""
        command = [*given(max_images_to_invert=1, **hyperparameters), SCRIPT, str(write_config(assets, out))]
        environment = {**os.environ, **assets.env, "OMP_NUM_THREADS": "1"}
        environment["PATH"] = f"{assets.python}{os.pathsep}{environment['PATH']}"
        said = out.with_name("said")
        said.mkdir()
        run = BegunPython(["-m", "zplus_plugins", "run", *command], assets.cwd, environment, said)
        assert run.interrupt(begun, after=0.3, all_processes=True) == 130, run.errors[-3000:]
        assert "zplus: interrupted" in run.errors

    @pytest.mark.parametrize("kind", REAL[:1])
    def test_while_the_code_is_sought_nothing_is_left(
        self, prepared_hfgi3d: Prepare, tmp_path: Path, kind: str
    ) -> None:
        out, assets = tmp_path / "out", prepared_hfgi3d(kind)
        self.interrupted(assets, out, pivot(out, NAMES[0]).parent, first_inv_steps=1_000_000)
        assert files(out) == {}

    def test_while_the_views_are_made_the_first_part_is_left(self, prepared_hfgi3d: Prepare, tmp_path: Path) -> None:
        """A shell's child gets Ctrl-C alone, and the script would go on without its views."""
        out, begun = tmp_path / "out", tmp_path / "begun"
        views = f"open({str(begun)!r}, 'w').close(); import time; time.sleep(60)"
        assets = replace(prepared_hfgi3d("standin"), python=write_python(tmp_path / "bin", views=views))
        self.interrupted(assets, out, begun)
        record = InversionRecord.load(pivot(out, NAMES[0]).with_suffix(".zplus.npz"))
        record.require_code(torch.load(pivot(out, NAMES[0]), weights_only=True).numpy(), pivot(out, NAMES[0]))
        assert len(list((out / "checkpoints").iterdir())) == 1
