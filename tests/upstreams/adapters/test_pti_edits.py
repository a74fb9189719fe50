"""PTI's editing and evaluation: in Z+ on the hypersphere; without, every file is the untouched upstream's."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from support.outcome import files
from support.pti_assets import (
    DATA_ID,
    Assets,
    merged,
    oracle_env,
    outputs,
    pivot,
    run_pti_args,
    run_script,
    tuned_generator,
    write_mapper,
)
from support.pti_runs import STEPS, W_PLUS, summary, zplus

EVALUATION, STYLECLIP = "evaluation/qualitative_edit_comparison.py", "scripts/pti_styleclip.py"
# InterFaceGAN's and GANSpace's directions, times their strengths; the stand-in has fewer of these.
EDITS = {"standin": 1 * 1 + 1 * 2, "upstream": 3 * 12 + 3 * 9}
FIXED = {"ZPLUS_TEST_PROJECTION": json.dumps({"seed": 3})}


@pytest.fixture(params=["standin", pytest.param("upstream", marks=pytest.mark.upstream)])
def assets(request: pytest.FixtureRequest, prepared_pti: Callable[..., Assets]) -> Assets:
    return prepared_pti(request.param)


@pytest.fixture
def edits(request: pytest.FixtureRequest) -> int:
    """How many edits of a picture the checkout's script makes."""
    return EDITS[request.node.callspec.params["assets"]]


def untouched(assets: Assets, code: str, out: Path, **paths: str) -> None:
    """Run Python code in the repository, without this package."""
    settings = merged(outputs(out), W_PLUS, {"configs.paths_config": paths})
    done = run_script(assets, "-c", [code], {**oracle_env(assets), **FIXED}, timeout=900, settings=settings)
    assert done.returncode == 0, done.stderr[-3000:]


def off(assets: Assets, call: str, script: str, out: Path, options: Sequence[str] = (), **paths: str) -> None:
    """``zplus run --latent off --call CALL SCRIPT``."""
    settings = merged(outputs(out), W_PLUS, {"configs.paths_config": paths})
    command = ["zplus_plugins", "run", "--latent", "off", *options, "--call", call, script]
    done = run_script(assets, "-m", command, {**assets.env, **FIXED}, timeout=900, settings=settings)
    assert done.returncode == 0, done.stderr[-3000:]


def test_inversion_and_edits(assets: Assets, edits: int, tmp_path: Path) -> None:
    """Pivots, tuned generators, and pictures of all InterFaceGAN and GANSpace edits."""
    run = "pti_no_comparison('x')"
    module = EVALUATION.removesuffix(".py").replace("/", ".")
    untouched(assets, f"from {module} import pti_no_comparison; {run}", tmp_path / "untouched")
    off(assets, run, EVALUATION, tmp_path / "off")
    expected = files(tmp_path / "untouched")
    # For each image: a code, a generator, the target, and reconstruction and edits, alone and beside the target.
    assert len(expected) == len(assets.names) * (3 + 2 * (1 + edits))
    assert files(tmp_path / "off") == expected


def test_edits_in_z_plus(assets: Assets, edits: int, tmp_path: Path) -> None:
    """The same files as without; every InterFaceGAN and GANSpace edit is a code on the hypersphere."""
    out = tmp_path / "zplus"
    zplus(assets, out, "--call", "pti_no_comparison('x')", EVALUATION, max_images_to_invert=1)
    experiment = out / "experiments" / DATA_ID / f"{DATA_ID}_pti_no_comparison_x" / assets.names[0]
    pictures = {folder: len(list((experiment / folder).iterdir())) for folder in ("single_images", "concat_images")}
    assert pictures == {
        "single_images": 1 + edits + 1,
        "concat_images": edits + 1,
    }  # and the reconstruction, the target
    assert len(files(out)) == sum(pictures.values()) + 3  # a code, its record, a generator
    told = summary(out)
    assert (told["images"], told["steps"], told["retractions"]) == (1, STEPS, STEPS)
    assert len(told["edits"]) == edits
    assert told["moved_in_w"] == 0
    moves = [move for move in told["edits"] if move["wanted"]]
    assert all(move["residual"] <= move["wanted"] and move["sphere_error"] <= 1e-5 for move in moves)


@pytest.mark.upstream
def test_styleclip(prepared_pti: Callable[..., Assets], tmp_path: Path) -> None:
    """A mapper moves the pivot, which is found and tuned around before."""
    assets, inverted = prepared_pti("upstream"), tmp_path / "inverted"
    untouched(assets, run_pti_args()[0], inverted)
    write_mapper(assets, tmp_path / "mappers" / "afro.pt")
    call = "styleclip_edit(False, 'run', False, ['afro'])"
    places = {"style_clip_pretrained_mappers": str(tmp_path / "mappers")}
    where = {"styleclip_output_dir": str(tmp_path / "untouched")}
    untouched(assets, f"from scripts.pti_styleclip import styleclip_edit; {call}", inverted, **places, **where)
    # The generators come from another run: the user says that they may be loaded.
    trusted = [part for name in assets.names for part in ("--trust-checkpoint", str(tuned_generator(inverted, name)))]
    off(assets, call, STYLECLIP, inverted, trusted, **places, styleclip_output_dir=str(tmp_path / "off"))
    expected = files(tmp_path / "untouched")
    assert len(expected) == 2 * 2 * len(assets.names)  # a picture and a code, by two generators
    assert files(tmp_path / "off") == expected
    moved = next((tmp_path / "off").rglob("latent_crop0_afro.pt"))
    w = torch.load(pivot(inverted, "crop0"), weights_only=True)
    assert not torch.equal(torch.load(moved, weights_only=True), w[0])
