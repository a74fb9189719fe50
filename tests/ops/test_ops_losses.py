"""Steps of the upstreams with our operations have the losses of steps with theirs.

Every step starts where the same step of the run with the upstream's operations did: left to themselves, two runs
drift apart by a thousandth within 50 steps, because Adam makes a full step of a gradient that is next to nothing,
whichever sign rounding gives it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support import bdinvert_assets, bdinvert_runs, pti_assets, pti_runs, sam_assets, sam_runs
from support.fork_oracle import LossRecorder

REAL = pytest.mark.upstream
Losses = Callable[[str], list[float]]


def command(folder: Path, out: Path, adapter: str, ops: str, **options: Any) -> list[str]:
    """Arguments of the driver for a run of the upstream's own method whose steps follow the first run's."""
    settings = {
        "adapter": adapter,
        "replay": str(folder / "steps"),
        "options": {"latent": "off", "ops": ops, **options},
    }
    out.mkdir()
    (out / "settings.json").write_text(json.dumps(settings))
    return [str(out / "settings.json")]


def recorded(done: Any, recorder: LossRecorder, ops: str) -> list[float]:
    """The losses of a run that these operations, and no others, have served."""
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"operations: {ops}" in done.stderr
    return recorder.losses()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """For the runs; the steps' files are large, and are not kept."""
    yield tmp_path
    shutil.rmtree(tmp_path / "steps", ignore_errors=True)


@pytest.fixture
def bdinvert(folder: Path, steps: int, kind: str) -> Losses:
    cache = folder / "cache"
    assets = bdinvert_assets.prepare(folder, bdinvert_runs.checkout_of(kind), images=1, cache=cache)

    def losses(ops: str) -> list[float]:
        out, recorder = folder / ops, LossRecorder(folder / f"{ops}.txt")
        arguments = [*bdinvert_assets.invert_args(assets, steps), "--save_dir", str(out)]
        driven = [*command(folder, out, "bdinvert", ops), "invert.py", *arguments]
        script = str(bdinvert_runs.DRIVER)
        return recorded(bdinvert_assets.run_script(assets, script, driven, recorder.env, timeout=900), recorder, ops)

    return losses


@pytest.fixture
def pti(folder: Path, steps: int, kind: str, prepared_pti: Callable[..., pti_assets.Assets]) -> Losses:
    """Half of the steps in the projection, whose noise maps would outweigh the picture a hundred thousand times."""
    assets = prepared_pti(kind)
    projection = {"ZPLUS_TEST_PROJECTION": json.dumps({"seed": 3, "regularize_noise_weight": 1.0})}
    half = {"first_inv_steps": steps // 2, "max_pti_steps": steps - steps // 2}
    numbers = {**half, "max_images_to_invert": 1, "LPIPS_value_threshold": 0.0}
    w_plus = {"training.coaches.base_coach": {"w_projector": "import:training.projectors.w_plus_projector"}}

    def losses(ops: str) -> list[float]:
        out, recorder = folder / ops, LossRecorder(folder / f"{ops}.txt")
        settings = [argument.removeprefix("--set=") for argument in pti_runs.given(assets, out, **numbers)]
        options = {"settings": settings, "call": pti_runs.CALL[1]}
        driven = [*command(folder, out, "pti", ops, **options), pti_runs.RUN_PTI]
        env = {**recorder.env, **projection, "ZPLUS_TEST_SEED": "1"}
        done = pti_assets.run_script(assets, str(pti_runs.DRIVER), driven, env, timeout=900, settings=w_plus)
        return recorded(done, recorder, ops)

    return losses


@pytest.fixture
def sam(folder: Path, steps: int, kind: str, prepared_sam: Callable[[str], sam_assets.Assets]) -> Losses:
    assets = prepared_sam(kind)

    def losses(ops: str) -> list[float]:
        out, recorder = folder / ops, LossRecorder(folder / f"{ops}.txt")
        arguments = [*sam_assets.invert_args(assets, steps), "--output_path", str(out)]
        driven = [*command(folder, out, "sam", ops), sam_runs.INVERT, *arguments]
        script = str(sam_runs.DRIVER)
        return recorded(sam_assets.run_script(assets, script, driven, recorder.env, timeout=900), recorder, ops)

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
