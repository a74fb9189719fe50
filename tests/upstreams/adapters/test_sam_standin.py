"""The stand-in for SAM runs as its scripts' users run them; an adapter's tests will stand on it."""

from __future__ import annotations

from pathlib import Path

import torch

from support.places import STANDINS
from support.sam_assets import invert_args, oracle_env, prepare, run_script

STANDIN = STANDINS / "sam"


def test_the_stand_in_inverts_and_repeats_itself(tmp_path: Path) -> None:
    assets = prepare(tmp_path, STANDIN)
    found = []
    for name in ("first", "second"):
        arguments = [*invert_args(assets, 2), "--output_path", str(tmp_path / name)]
        done = run_script(assets, "src/sam_inv_optimization.py", arguments, oracle_env(assets), timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        (latents,) = (tmp_path / name).rglob("final/inverted_latents_T*.pt")
        found.append(latents.read_bytes())
        codes = torch.load(latents, weights_only=True)
        assert list(codes) == ["W+", "F4", "F6", "F8", "F10"]
        assert codes["W+"].shape == (1, assets.num_ws, assets.w_dim)
    assert found[0] == found[1]
