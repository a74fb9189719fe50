"""A run with our operations has the losses of a run with the upstream's, step by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from support import bdinvert_assets, bdinvert_runs, pti_assets, pti_runs, sam_assets, sam_runs
from support.fork_oracle import LossRecorder

REAL = pytest.mark.upstream
Losses = Callable[[str], list[float]]


def recorded(tmp_path: Path, ops: str, run: Callable[[Path, Mapping[str, str]], Any]) -> list[float]:
    """The losses of a run that writes to a folder of its own; ``run`` gets that and the environment."""
    out = tmp_path / ops
    out.mkdir()
    recorder = LossRecorder(out / "losses.txt")
    done = run(out, {**recorder.env, "ZPLUS_TEST_SEED": "1"})
    assert done.returncode == 0, done.stderr[-4000:]
    return recorder.losses()


def command(ops: str, *arguments: object) -> list[str]:
    return ["zplus_plugins", "run", "--ops", ops, *map(str, arguments)]


@pytest.fixture
def bdinvert(tmp_path: Path, steps: int, kind: str) -> Losses:
    cache = tmp_path / "cache"
    assets = bdinvert_assets.prepare(tmp_path, bdinvert_runs.checkout_of(kind), images=1, cache=cache)

    def losses(ops: str) -> list[float]:
        def run(out: Path, env: Mapping[str, str]) -> Any:
            arguments = command(ops, "invert.py", *bdinvert_assets.invert_args(assets, steps), "--save_dir", out)
            return bdinvert_assets.run_script(assets, "-m", arguments, env, timeout=900)

        return recorded(tmp_path, ops, run)

    return losses


@pytest.fixture
def pti(tmp_path: Path, steps: int, kind: str, prepared_pti: Callable[..., pti_assets.Assets]) -> Losses:
    """Half of the steps in the projection, half in the tuning."""
    assets = prepared_pti(kind)
    numbers = {"first_inv_steps": steps // 2, "max_pti_steps": steps // 2, "max_images_to_invert": 1}
    never = {"LPIPS_value_threshold": 0.0}

    def losses(ops: str) -> list[float]:
        def run(out: Path, env: Mapping[str, str]) -> Any:
            settings = pti_runs.given(assets, out, **numbers, **never)
            arguments = command(ops, *settings, *pti_runs.CALL)
            projection = {"ZPLUS_TEST_PROJECTION": json.dumps({"seed": 3})}
            return pti_assets.run_script(assets, "-m", arguments, {**env, **projection}, timeout=900)

        return recorded(tmp_path, ops, run)

    return losses


@pytest.fixture
def sam(tmp_path: Path, steps: int, kind: str, prepared_sam: Callable[[str], sam_assets.Assets]) -> Losses:
    assets = prepared_sam(kind)

    def losses(ops: str) -> list[float]:
        def run(out: Path, env: Mapping[str, str]) -> Any:
            arguments = command(ops, sam_runs.INVERT, *sam_assets.invert_args(assets, steps), "--output_path", out)
            return sam_assets.run_script(assets, "-m", arguments, env, timeout=900)

        return recorded(tmp_path, ops, run)

    return losses


@pytest.mark.parametrize(
    ("upstream", "kind", "steps", "choices"),
    [
        ("pti", "standin", 4, ("cpu",)),
        *(pytest.param(name, "upstream", 50, ("reference", "cpu"), marks=REAL) for name in ("bdinvert", "pti", "sam")),
    ],
)
def test_losses(upstream: str, kind: str, steps: int, choices: tuple[str, ...], request: pytest.FixtureRequest) -> None:
    losses: Losses = request.getfixturevalue(upstream)
    expected = losses("upstream")
    assert len(expected) >= steps
    for ops in choices:
        assert losses(ops) == pytest.approx(expected, rel=1e-5), ops
