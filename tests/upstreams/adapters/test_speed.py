"""Runs whose steps are faster, on real checkouts, and where ``--precision bf16`` is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from support import bdinvert_assets, pti_assets, pti_runs, sam_assets, sam_runs
from support.commands import zplus
from support.fork_oracle import LossRecorder
from support.outcome import files, refused
from support.places import ROOT
from support.precision import BF16, close_to_float32

REAL = pytest.mark.upstream
STANDINS = ROOT / "tests" / "standins"
# The adapter with the patches that make steps faster, or without them, as it was before there were any.
RUN = """
import sys
from dataclasses import replace
from zplus_plugins.adapters import bdinvert
if sys.argv[1] == "slow":
    patches = tuple(p for p in bdinvert.ADAPTER.patches if ".speed." not in p.install.__module__)
    assert len(patches) < len(bdinvert.ADAPTER.patches)
    bdinvert.ADAPTER = replace(bdinvert.ADAPTER, patches=patches)
from zplus_plugins.cli.main import main
main(sys.argv[2:])
"""


@REAL
@pytest.mark.parametrize("options", [(), ("--without-f",), ("--latent", "z")])
def test_losses_and_files_have_the_same_bits(
    prepared_bdinvert: Callable[..., bdinvert_assets.Assets], tmp_path: Path, options: tuple[str, ...]
) -> None:
    assets, found = prepared_bdinvert("upstream"), []
    for kind in ("slow", "fast"):
        recorder, out = LossRecorder(tmp_path / f"{kind}.losses"), tmp_path / kind
        arguments = [*bdinvert_assets.invert_args(assets, 4), "--save_dir", str(tmp_path), "--job_name", kind]
        command = [RUN, kind, "run", *options, "invert.py", *arguments]
        done = bdinvert_assets.run_script(assets, "-c", command, recorder.env, timeout=900)
        assert done.returncode == 0, done.stderr[-3000:]
        (out / "commandline_args.txt").unlink()  # names the folder
        found.append((recorder.losses(), files(out)))
    assert found[0] == found[1]
    assert len(found[0][0]) == 8


@REAL
def test_sam_in_bfloat16(prepared_sam: Callable[[str], sam_assets.Assets], tmp_path: Path) -> None:
    summary = sam_runs.invert(prepared_sam("upstream"), tmp_path / "out", *BF16)
    close_to_float32(summary, 1)
    assert summary["precision_checks"][0]["lpips"] is not None


@REAL
def test_pti_in_bfloat16(prepared_pti: Callable[[str], pti_assets.Assets], tmp_path: Path) -> None:
    out = tmp_path / "out"
    pti_runs.zplus(prepared_pti("upstream"), out, *BF16, *pti_runs.CALL)
    summary = pti_runs.summary(out)
    close_to_float32(summary, summary["images"])


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--latent", "off", "bdinvert/BDInvert/invert.py"), ("--latent off", "bit for bit")),
        (("bdinvert/BDInvert/edit.py",), ("no effect on BDInvert/edit.py", "steps of an inversion")),
        (("bdinvert/BDInvert/pca_p_space.py",), ("no effect on BDInvert/pca_p_space.py",)),
        (("idinvert/invert.py",), ("'idinvert' has no patch", "float32")),
    ],
)
def test_where_it_cannot_take_effect_it_is_refused(words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    *options, script = words
    refused(zplus("run", *BF16, *options, STANDINS / script), 2, "--precision bf16", *parts)
